//go:build unix

package keyring

import (
	"io/fs"
	"os"
	"syscall"
)

// nonblock has a pipe without a writer opened at once.
const nonblock = syscall.O_NONBLOCK

// passOn gives f the owner of the former file, and its group together with that
// group's permission to read.
func passOn(f *os.File, former fs.FileInfo) error {
	was, ok := former.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Uid != was.Uid || is.Gid != was.Gid {
		if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(0o600 | former.Mode().Perm()&0o040)
}
