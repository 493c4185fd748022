//go:build !race

package middleware_test

const race = false
