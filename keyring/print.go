package keyring

import (
	"fmt"
	"io"
	"log/slog"
)

// Every exported type with something to hide prints as one line of public facts
// under every verb, marshals as those, and logs as them. What such a type holds
// in unexported fields of other types is hidden by closures, since there package
// fmt calls no methods.

// String returns the key's ID and algorithm.
func (k Key) String() string {
	if k.name == "" {
		return "key " + k.id.String()
	}
	return "key " + k.id.String() + " " + k.name
}

// Format writes String, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue returns String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON returns the members of the key in a ring file, but for the secret
// and those that this version does not know.
func (k Key) MarshalJSON() ([]byte, error) { return k.facts().object(), nil }

// String returns the ring's name and generation and the number of its keys.
func (d Document) String() string {
	return fmt.Sprintf("ring %q generation %d, %d keys", d.Name, d.Generation, len(d.Keys))
}

// Format writes String, whatever the verb.
func (d Document) Format(f fmt.State, _ rune) { io.WriteString(f, d.String()) }

// LogValue returns String.
func (d Document) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON returns the ring file without its secrets, the members that this
// version does not know, and the checksum. It is not a ring file.
func (d Document) MarshalJSON() ([]byte, error) {
	return d.public().object(), nil
}

// String returns the ring's name and generation and the number of its keys.
func (r *Ring) String() string { return r.document.String() }

// Format writes String, whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// LogValue returns String.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON returns what [Document.MarshalJSON] does.
func (r *Ring) MarshalJSON() ([]byte, error) { return r.document.MarshalJSON() }

// String returns what the present ring's String does.
func (k *Keyring) String() string {
	if r := k.Ring(); r != nil {
		return r.String()
	}
	return "no ring"
}

// Format writes String, whatever the verb.
func (k *Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue returns String.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String returns what the ring's String does.
func (s *Subkeys) String() string { return "subkeys of " + s.ring.String() }

// Format writes String, whatever the verb.
func (s *Subkeys) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue returns String.
func (s *Subkeys) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String returns the ID and the algorithm of the key.
func (s Subkey) String() string { return "subkey " + s.ID.String() + " " + s.Algorithm }

// Format writes String, whatever the verb.
func (s Subkey) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue returns String.
func (s Subkey) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON returns the ID and the algorithm of the key.
func (s Subkey) MarshalJSON() ([]byte, error) {
	return members{{"id", text(s.ID.String())}, {"algorithm", text(s.Algorithm)}}.object(), nil
}
