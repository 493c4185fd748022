//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package server

import "time"

// cpuTime would return how long the processors have worked for this process.
func cpuTime() (d time.Duration, known bool) { return 0, false }
