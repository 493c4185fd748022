package signer_test

import (
	"testing"

	"github.com/keyturn/keyturn/signer/signertest"
)

func TestHMACSHA512_256(t *testing.T) { signertest.Run(t, HMACSHA512_256()) }
