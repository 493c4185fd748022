//go:build race

package keyringtest

// raceEnabled says that everything takes ten times as long.
const raceEnabled = true
