//go:build !race

package keyringtest

const raceEnabled = false
