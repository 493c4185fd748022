// Package keyring holds the keys of sessions, schedules their rotation, and derives from them what signs and seals.
package keyring
