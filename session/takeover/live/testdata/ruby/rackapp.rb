gem "rack", "< 3" # which took Rack::Session out

require_relative "serve"
require "rack/session/cookie"

coder = {"json" => Rack::Session::Cookie::Base64::JSON, "zip" => Rack::Session::Cookie::Base64::ZipJSON}.fetch(ENV.fetch("KIND"))

serve Rack::Session::Cookie.new(signing_in, secret: SECRET, coder: coder.new, expire_after: 14 * 24 * 3600)
