package live

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

var (
	flask        = needs("flask", python, "python", "-c", "import flask")
	starlette    = needs("starlette", python, "python", "-c", "import starlette.middleware.sessions, uvicorn")
	django       = needs("django", python, "python", "-c", "import django")
	itsdangerous = needs("itsdangerous", python, "python", "-c", "import itsdangerous")
	pyjwt        = needs("pyjwt", python, "python", "-c", "import jwt")
	cryptography = needs("cryptography", python, "python", "-c", "import cryptography.fernet")
	asgiTokens   = needs("asgi-tokens", python, "python", "-c", "import jwt, cryptography.fernet")
	asgiSessions = needs("asgi-sessions", python, "python", "-c", "import asgi_sessions, jwt, cryptography.fernet, uvicorn").at("PYTHONPATH", "KEYTURN_LIVE_ASGI_SESSIONS")
	expressJS    = needs("express", node, "node", "-e", "require('express'); require('cookie-session')")
	koaJS        = needs("koa", node, "node", "-e", "require('koa'); require('koa-session')")
	ironJS       = needs("iron-session", node, "node", "-e", "require('iron-session')")
	rails        = needs("rails", ruby, "ruby", "-e", "require 'rack'; require 'webrick'; require 'action_dispatch'")
	rack         = needs("rack", ruby, "ruby", "-e", "gem 'rack', '< 3'; require 'webrick'; require 'rack/session/cookie'")
	rackSession  = needs("rack-session", ruby, "ruby", "-e", "require 'rackup'; require 'webrick'; require 'rack/session/cookie'; Rack::Session::Encryptor::V2").at("RUBYLIB", "KEYTURN_LIVE_RACK_SESSION")
	rackSession1 = needs("rack-session-2.1.1", ruby, "ruby", "-e", "require 'rackup'; require 'webrick'; require 'rack/session/cookie'; exit !defined?(Rack::Session::Encryptor::V2)").at("RUBYLIB", "KEYTURN_LIVE_RACK_SESSION_2_1_1")
	plugElixir   = needs("plug", elixir, "elixir", "-e", "{:ok, _} = Application.ensure_all_started(:plug)").at("ERL_LIBS", "KEYTURN_LIVE_PLUG")
)

// text returns a function that returns a new secret of n characters.
func text(n int) func() string {
	return func() string {
		b := make([]byte, n/2)
		rand.Read(b)
		return hex.EncodeToString(b)
	}
}

func fernetKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.URLEncoding.EncodeToString(b)
}

var migrations = []*migration{
	{
		name: "flask", program: "flaskapp.py", needs: flask, secret: text(32),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Flask(takeover.FlaskConfig{Secrets: []string{secret}})
		},
		adds: []string{"_permanent"},
		more: map[string]any{
			"pair": []any{int64(1), "two"}, "blob": []byte{0, 0xff}, "html": "<b>tom</b>",
			"id": "8a6b8f52-7a35-4f5c-9d8e-0a1b2c3d4e5f", "since": time.Date(2026, 7, 1, 12, 30, 15, 0, time.UTC),
		},
	},
	{
		name: "starlette", program: "starletteapp.py", needs: starlette, secret: text(32),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Starlette(takeover.StarletteConfig{Secrets: []string{secret}})
		},
	},
	{
		name: "django", program: "djangoapp.py", needs: django, secret: text(50),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Django(takeover.DjangoConfig{Secrets: []string{secret}})
		},
	},
	{
		name: "itsdangerous", program: "signedapp.py", needs: itsdangerous, secret: text(32),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Itsdangerous(takeover.ItsdangerousConfig{Cookie: "visit", Class: "URLSafeTimedSerializer", Secrets: []string{secret}, Salt: "visits", MaxAge: 14 * 24 * time.Hour})
		},
	},
	{
		name: "jwt", program: "jwtapp.py", needs: pyjwt, secret: text(64),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.JWT(takeover.JWTConfig{Cookie: "visit", Secrets: [][]byte{[]byte(secret)}})
		},
		adds: []string{"iat", "exp"},
	},
	{
		name: "fernet", program: "fernetapp.py", needs: cryptography, secret: fernetKey,
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Fernet(takeover.FernetConfig{Cookie: "visit", Secrets: []string{secret}, MaxAge: time.Hour})
		},
	},
	{
		name: "asgi-sessions/jwt", program: "asgisessionsapp.py", needs: asgiSessions, secret: text(64),
		env: []string{"KIND=jwt"}, read: asgiJWT,
	},
	{
		name: "asgi-sessions/fernet", program: "asgisessionsapp.py", needs: asgiSessions, secret: text(32),
		env: []string{"KIND=fernet"}, read: asgiFernet,
	},
	{
		name: "asgi-sessions/fernet_short", program: "asgisessionsapp.py", needs: asgiSessions, secret: text(20),
		env: []string{"KIND=fernet"}, read: asgiFernet,
	},
	{
		name: "asgi-sessions/base64", program: "asgisessionsapp.py", needs: asgiSessions, secret: text(32),
		env: []string{"KIND=base64"}, read: asgiUnsigned, unsigned: true,
	},
	{
		name: "asgi-tokens/jwt", program: "asgisessionstokens.py", needs: asgiTokens, secret: text(64),
		env: []string{"KIND=jwt"}, read: asgiJWT,
	},
	{
		name: "asgi-tokens/fernet", program: "asgisessionstokens.py", needs: asgiTokens, secret: text(20),
		env: []string{"KIND=fernet"}, read: asgiFernet,
	},
	{
		name: "asgi-tokens/base64", program: "asgisessionstokens.py", needs: asgiTokens, secret: text(32),
		env: []string{"KIND=base64"}, read: asgiUnsigned, unsigned: true,
	},
	{
		name: "express", program: "express.js", needs: expressJS, secret: text(32),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Express(takeover.ExpressConfig{Secrets: []string{secret}})
		},
	},
	{
		name: "express/unsigned", program: "express.js", needs: expressJS, secret: text(32),
		env: []string{"KIND=unsigned"}, unsigned: true,
		read: func(string) (*takeover.Reader, error) { return takeover.ExpressUnsigned(""), nil },
	},
	{
		name: "koa", program: "koa.js", needs: koaJS, secret: text(32),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Koa(takeover.KoaConfig{Secrets: []string{secret}})
		},
	},
	{
		name: "iron-session", program: "iron.js", needs: ironJS, secret: text(64),
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.IronSession(takeover.IronSessionConfig{Cookie: "visit", Passwords: map[int]string{1: secret}})
		},
	},
	{
		name: "rails/encrypted", program: "railsapp.rb", needs: rails, secret: text(128),
		env: []string{"KIND=encrypted"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rails(takeover.RailsConfig{Cookie: "_app_session", Secrets: []string{secret}, KeyDigest: "SHA1"})
		},
	},
	{
		name: "rails/cbc", program: "railsapp.rb", needs: rails, secret: text(128),
		env: []string{"KIND=cbc"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rails(takeover.RailsConfig{Cookie: "_app_session", Secrets: []string{secret}, KeyDigest: "SHA1"})
		},
	},
	{
		name: "rails/signed", program: "railsapp.rb", needs: rails, secret: text(128),
		env: []string{"KIND=signed"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rails(takeover.RailsConfig{Cookie: "visit", Secrets: []string{secret}, KeyDigest: "SHA1", Signed: true})
		},
	},
	{
		name: "rack/json", program: "rackapp.rb", needs: rack, secret: text(64),
		env: []string{"KIND=json"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rack(takeover.RackConfig{Secrets: []string{secret}})
		},
	},
	{
		name: "rack/zip", program: "rackapp.rb", needs: rack, secret: text(64),
		env: []string{"KIND=zip"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rack(takeover.RackConfig{Secrets: []string{secret}, ZipJSON: true})
		},
	},
	{
		name: "rack-session", program: "racksessionapp.rb", needs: rackSession, secret: text(128),
		env: []string{"KIND=unbound"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rack(takeover.RackConfig{Secrets: []string{secret}, Encryptor: 2})
		},
	},
	{
		name: "rack-session/bound", program: "racksessionapp.rb", needs: rackSession, secret: text(128),
		env: []string{"KIND=bound"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rack(takeover.RackConfig{Secrets: []string{secret}, Encryptor: 2, Purpose: "rack.session"})
		},
	},
	{
		name: "rack-session-2.1.1", program: "racksessionapp.rb", needs: rackSession1, secret: text(128),
		env:  []string{"KIND=bound", "VISIT=" + strings.ReplaceAll(visit, "Zoë", "Zoe")}, // it cannot write the former
		more: map[string]any{"name": "Zoe"}, adds: []string{"session_id"},
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Rack(takeover.RackConfig{Secrets: []string{secret}, Encryptor: 1, Purpose: "rack.session"})
		},
	},
	{
		name: "plug/signed", program: "plugapp.exs", needs: plugElixir, secret: text(64),
		env: []string{"KIND=signed"}, more: plugMore,
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Plug(takeover.PlugConfig{Cookie: "_app_key", PlugKeys: takeover.PlugKeys{SecretKeyBase: secret, SigningSalt: "signing"}})
		},
	},
	{
		name: "plug/encrypted", program: "plugapp.exs", needs: plugElixir, secret: text(64),
		env: []string{"KIND=encrypted"}, more: plugMore,
		read: func(secret string) (*takeover.Reader, error) {
			return takeover.Plug(takeover.PlugConfig{Cookie: "_app_key", PlugKeys: takeover.PlugKeys{SecretKeyBase: secret, SigningSalt: "signing", EncryptionSalt: "encryption"}})
		},
	},
}

func asgiJWT(secret string) (*takeover.Reader, error) {
	return takeover.ASGIJWT(takeover.ASGIJWTConfig{Secrets: []string{secret}})
}

func asgiFernet(secret string) (*takeover.Reader, error) {
	return takeover.ASGIFernet(takeover.ASGIFernetConfig{Secrets: []string{secret}})
}

func asgiUnsigned(string) (*takeover.Reader, error) { return takeover.ASGIUnsigned(""), nil }

// What JSON has no place for.
var plugMore = map[string]any{"since": []any{int64(2026), "july", int64(1)}, "token": []byte{0, 0xff}}
