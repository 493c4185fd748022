package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// readFile returns the contents of what may be a ring file. It looks before it
// opens, as to open a device can have effects.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	return readOpened(path)
}

// readOpened looks again at what it has opened, since that may have taken the
// file's place. It opens so that a pipe without a writer does not block.
func readOpened(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return data, nil
}

// checkFile reports whether a ring may be read from such a file.
func checkFile(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("keyring: %s is not a regular file", path)
	case info.Size() > maxFile:
		return fmt.Errorf("keyring: %s has more than 256 KiB; this is not a ring file, or it needs pruning", path)
	case info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("keyring: %s can be written by everybody, who could then sign in as anybody; run: chmod o-w %s", path, path)
	}
	return nil
}

// WriteFile makes r the ring in the file, so that whoever opens it finds either
// the former contents or the new ones, whole, even if the machine stops at any
// point, and so that the new ones are on the disk when it returns nil. It
// writes a temporary file in the same directory, which it removes on failure.
//
// A new file can be read and written by its owner only. One that is replaced
// passes on its owner, and its group with the permission to read, so that a
// server goes on being able to read it. Of a symbolic link, the target is
// replaced. WriteFile does not compare r with the former ring and does not keep
// other writers out.
func WriteFile(path string, r *Ring) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	return disk{(*os.File).Sync, os.Rename}.replace(path, data)
}

// A disk is what makes a write durable, in the place of which a test can put
// failures.
type disk struct {
	sync   func(*os.File) error
	rename func(from, to string) error
}

func (d disk) replace(path string, data []byte) error {
	file, former, err := target(path)
	if err == nil {
		err = d.put(file, former, data)
	}
	if err != nil {
		return fmt.Errorf("keyring: %s is not written: %w", path, err)
	}
	if err := d.syncDir(filepath.Dir(file)); err != nil {
		return fmt.Errorf("keyring: %s is written, but may be lost if the machine stops now: %w", path, err)
	}
	return nil
}

// put writes a file beside path and gives it that name, or leaves nothing behind.
func (d disk) put(path string, former fs.FileInfo, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // for the owner only
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // again, perhaps; the first error is the one to report
			os.Remove(f.Name())
		}
	}()
	if former != nil {
		if err := passOn(f, former); err != nil {
			return fmt.Errorf("cannot pass on its owner and group: %w", err)
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := d.sync(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return d.rename(f.Name(), path)
}

// target returns the file that a write to path replaces, and what it is if it
// exists.
func target(path string) (string, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	return path, info, err
}

// syncDir makes a rename in the directory durable. On Windows there is no way.
func (d disk) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sync(f)
}
