require_relative "serve"
require "rack/session"

# Without a key, cookies have the same name, and are not bound to it.
options = ENV.fetch("KIND") == "bound" ? {key: "rack.session"} : {}

serve Rack::Session::Cookie.new(signing_in, secrets: SECRET, serialize_json: true, **options)
