package takeover

import (
	"fmt"
	"log/slog"
)

// A configuration has secrets in it: it is written as the name of its type alone, for
// every verb of fmt, by slog and in JSON, so that none gets into a log by mistake.

func hide(f fmt.State, c any) { fmt.Fprintf(f, "%T", c) }

func hidden(c any) slog.Value { return slog.StringValue(fmt.Sprintf("%T", c)) }

func hiddenText(c any) ([]byte, error) { return fmt.Appendf(nil, "%T", c), nil }

// Format writes the name of the type, and no secret.
func (c ASGIJWTConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c ASGIJWTConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c ASGIJWTConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c ASGIFernetConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c ASGIFernetConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c ASGIFernetConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c DjangoConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c DjangoConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c DjangoConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c ExpressConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c ExpressConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c ExpressConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c FernetConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c FernetConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c FernetConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c FlaskConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c FlaskConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c FlaskConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c GorillaConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c GorillaConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c GorillaConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c IronSessionConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c IronSessionConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c IronSessionConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c ItsdangerousConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c ItsdangerousConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c ItsdangerousConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c JWTConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c JWTConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c JWTConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c KoaConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c KoaConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c KoaConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c PlugConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c PlugConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c PlugConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c PlugKeys) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c PlugKeys) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c PlugKeys) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c RackConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c RackConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c RackConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c RailsConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c RailsConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c RailsConfig) MarshalText() ([]byte, error) { return hiddenText(c) }

// Format writes the name of the type, and no secret.
func (c StarletteConfig) Format(f fmt.State, _ rune) { hide(f, c) }

// LogValue returns what Format writes.
func (c StarletteConfig) LogValue() slog.Value { return hidden(c) }

// MarshalText returns what Format writes, in JSON as well.
func (c StarletteConfig) MarshalText() ([]byte, error) { return hiddenText(c) }
