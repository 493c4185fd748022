package session

import (
	"errors"
	"fmt"
)

// Errors of the methods that change a session.
var (
	// ErrCommitted: the response has begun, and with it the cookie has been
	// sent or not. Change a session before writing the response.
	ErrCommitted = errors.New("session: changed after the response began")

	// ErrInUpdate: the session is changed while a function given to Update is
	// running on it, by that function or beside it.
	ErrInUpdate = errors.New("session: changed while an Update is running")

	// ErrIndeterminate: Config.KeepIndeterminate is set, and the cookie could
	// not be judged by this instance. A client that tries again may reach one
	// that can.
	ErrIndeterminate = errors.New("session: not overwriting a cookie that cannot be judged here")

	// ErrNotSealed: Config.Sealed is set, and the primary key does not encrypt.
	ErrNotSealed = errors.New("session: secrecy is asked for, and the primary key does not encrypt")

	// ErrNotCarried: the data would not come back as it is. The error names
	// the field, not its value.
	ErrNotCarried = errors.New("session: data cannot be carried")
)

// A SizeError reports data that does not fit into a cookie.
// It is ErrTooLarge for errors.Is.
type SizeError struct {
	Size  int // of the cookie's name and value that the data would need
	Limit int // of the same
}

// Error returns the size and the limit in words.
func (e *SizeError) Error() string {
	return fmt.Sprintf("session: cookie of %d bytes, at most %d are allowed", e.Size, e.Limit)
}

// Is reports whether target is ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }
