//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package server

import (
	"syscall"
	"time"
)

// cpuTime returns how long the processors have worked for this process, in its
// own code and in the system's.
func cpuTime() (d time.Duration, known bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
