package codec_test

import (
	"testing"

	"github.com/keyturn/keyturn/codec/codectest"
)

func TestConformance(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.Name(), func(t *testing.T) { codectest.Run(t, c) })
	}
}
