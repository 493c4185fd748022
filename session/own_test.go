package session_test

import "testing"

func BenchmarkBasket(b *testing.B) { benchmarkBasket(b) }
