// Package codec encodes session data as JSON, MessagePack or CBOR.
package codec
