//go:build race

package keyring

// raceEnabled says that allocations cannot be counted.
const raceEnabled = true
