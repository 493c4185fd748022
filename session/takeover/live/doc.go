// Package live has only tests: of package takeover, against the libraries
// themselves. Each starts a program that keeps its sessions with the other
// library, signs in there, and puts a server of keyturn in its place.
//
// The programs are in testdata, each in the language of its library. They run
// where their interpreter and their library are. Debian 12 has those of Python
// and Ruby:
//
//	apt-get install --no-install-recommends python3-flask python3-starlette python3-uvicorn \
//		python3-django python3-itsdangerous python3-jwt python3-cryptography \
//		ruby-rack ruby-actionpack ruby-webrick
//
// and npm those of JavaScript, at the versions in package-lock.json:
//
//	npm ci --prefix testdata/node
//
// Where to find libraries that neither has is said by the environment: the
// packages asgi_sessions, asgi_tools and http_router of Python by
// KEYTURN_LIVE_ASGI_SESSIONS, as in PYTHONPATH; the gems rack-session, rack
// (version 3) and rackup of Ruby by KEYTURN_LIVE_RACK_SESSION, as in RUBYLIB, and with
// the rack-session of before 2.1.2 by KEYTURN_LIVE_RACK_SESSION_2_1_1; the packages plug, plug_crypto, mime and telemetry of Elixir, compiled, by
// KEYTURN_LIVE_PLUG, as in ERL_LIBS.
//
// What is not there is left out, as go test says where it is given no packages, or
// -v. KEYTURN_LIVE_REQUIRED lists, with spaces between, what has to be there, by the
// names in migrations_test.go: its want is then a failure.
package live
