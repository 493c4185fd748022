# The cookies of Rails, as Rails.application.env_config sets them up for
# config.load_defaults 6.1: the session in an encrypted one, and a signed one.

require_relative "serve"
require "action_dispatch"
require "active_support/key_generator"
require "active_support/messages/rotation_configuration"

generator = ActiveSupport::CachingKeyGenerator.new(ActiveSupport::KeyGenerator.new(SECRET, iterations: 1000))
config = {
  "action_dispatch.key_generator" => generator,
  "action_dispatch.secret_key_base" => SECRET,
  "action_dispatch.signed_cookie_salt" => "signed cookie",
  "action_dispatch.encrypted_cookie_salt" => "encrypted cookie",
  "action_dispatch.encrypted_signed_cookie_salt" => "signed encrypted cookie",
  "action_dispatch.authenticated_encrypted_cookie_salt" => "authenticated encrypted cookie",
  "action_dispatch.use_authenticated_cookie_encryption" => ENV.fetch("KIND") != "cbc",
  "action_dispatch.use_cookies_with_metadata" => true,
  "action_dispatch.cookies_serializer" => :json,
  "action_dispatch.cookies_rotations" => ActiveSupport::Messages::RotationConfiguration.new,
  "action_dispatch.cookies_same_site_protection" => ->(_request) { :lax }
}

# A cookie of the application's own, which it signs.
signed = lambda do |env|
  jar = ActionDispatch::Request.new(env).cookie_jar.signed
  if env["PATH_INFO"] == "/signin"
    jar[:visit] = {value: VISIT, httponly: true, expires: Time.now + 14 * 24 * 3600}
    answer(200, {})
  elsif jar[:visit]
    answer(200, {"user" => jar[:visit]["user"]})
  else
    answer(401, {})
  end
end

app =
  if ENV.fetch("KIND") == "signed"
    signed
  else
    ActionDispatch::Session::CookieStore.new(signing_in, key: "_app_session")
  end
cookies = ActionDispatch::Cookies.new(app)

serve ->(env) { cookies.call(env.merge(config)) }
