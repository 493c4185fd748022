# What the servers of this directory have in common: see ../python/serve.py.

require "json"
require "rack"
require "webrick"

begin
  require "rackup" # where Rack 3 has what Rack 2 had
  WEB = Rackup::Handler::WEBrick
rescue LoadError
  WEB = Rack::Handler::WEBrick
end

SECRET = ENV.fetch("SECRET")
VISIT = JSON.parse(ENV.fetch("VISIT"))

# serve serves app, a Rack application, and stops when standard input ends.
def serve(app)
  server = WEBrick::HTTPServer.new(
    BindAddress: "127.0.0.1", Port: 0, AccessLog: [], Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN)
  )
  server.mount "/", WEB, app
  Thread.new do
    $stdin.read
    exit! 0
  end
  puts "listening on #{server.listeners[0].addr[1]}"
  $stdout.flush
  server.start
end

def answer(status, body)
  [status, {"content-type" => "application/json"}, [JSON.generate(body)]]
end

# signing_in returns an application that keeps a visit in the session of Rack.
def signing_in
  lambda do |env|
    session = env["rack.session"]
    if env["PATH_INFO"] == "/signin"
      VISIT.each { |name, value| session[name] = value }
      answer(200, {})
    elsif session["user"]
      answer(200, {"user" => session["user"]})
    else
      answer(401, {})
    end
  end
end
