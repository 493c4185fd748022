package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// A file is what the report consists of.
type file struct {
	name string
	data []byte
}

func fileNames(files []file) []string {
	all := make([]string, len(files))
	for i, f := range files {
		all[i] = f.name
	}
	return all
}

// writable makes the directory, and says whether files can be written there.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".report-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// write writes all files, or says why not. Each is there as a whole, the former
// one or the new one, whatever happens; those with new names are made last.
func write(dir string, files []file) (err error) {
	temps := make([]string, 0, len(files))
	defer func() {
		for _, name := range temps {
			os.Remove(name)
		}
	}()
	for _, f := range files {
		t, err := os.CreateTemp(dir, ".report-*")
		if err != nil {
			return err
		}
		temps = append(temps, t.Name())
		_, err = t.Write(f.data)
		if err == nil {
			err = t.Chmod(0o644)
		}
		if err2 := t.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for i, f := range files {
		if err := os.Rename(temps[i], filepath.Join(dir, f.name)); err != nil {
			return err
		}
	}
	temps = nil
	return nil
}
