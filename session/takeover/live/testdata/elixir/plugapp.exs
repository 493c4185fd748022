# Plug, without a server of its own: Plug.Test makes the connections, and what
# it keeps of the response goes out.

defmodule App do
  use Plug.Builder

  plug :put_secret

  @signed [store: :cookie, key: "_app_key", signing_salt: "signing", same_site: "Lax"]
  @encrypted [encryption_salt: "encryption"] ++ @signed

  plug Plug.Session, if(System.fetch_env!("KIND") == "encrypted", do: @encrypted, else: @signed)

  plug :fetch_session
  plug :answer

  def put_secret(conn, _), do: %{conn | secret_key_base: System.fetch_env!("SECRET")}

  def answer(%{request_path: "/signin"} = conn, _) do
    %{
      "user" => "tom",
      "visits" => 3,
      "zoom" => 1.25,
      "roles" => ["admin", "ops"],
      "prefs" => %{"dark" => true, "lang" => nil},
      "name" => "Zoë",
      "since" => {2026, :july, 1},
      "token" => <<0, 255>>
    }
    |> Enum.reduce(conn, fn {name, value}, conn -> put_session(conn, name, value) end)
    |> send_resp(200, "{}")
  end

  def answer(conn, _) do
    case get_session(conn, "user") do
      nil -> send_resp(conn, 401, "{}")
      user -> send_resp(conn, 200, ~s({"user": "#{user}"}))
    end
  end
end

defmodule Server do
  def run do
    {:ok, _} = Application.ensure_all_started(:plug)

    {:ok, listener} =
      :gen_tcp.listen(0, [:binary, packet: :http_bin, active: false, ip: {127, 0, 0, 1}])

    {:ok, port} = :inet.port(listener)
    spawn(fn -> accept(listener) end)
    IO.puts("listening on #{port}")
    IO.read(:stdio, :eof)
    System.halt()
  end

  defp accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    pid = spawn(fn -> receive(do: (:go -> handle(socket))) end)
    :ok = :gen_tcp.controlling_process(socket, pid)
    send(pid, :go)
    accept(listener)
  end

  defp handle(socket) do
    {:ok, {:http_request, method, {:abs_path, path}, _}} = :gen_tcp.recv(socket, 0)

    conn =
      headers(socket, Plug.Test.conn(method, path))
      |> App.call(App.init([]))

    head = for {name, value} <- conn.resp_headers, do: [name, ": ", value, "\r\n"]

    :gen_tcp.send(socket, [
      "HTTP/1.1 #{conn.status} -\r\nconnection: close\r\ncontent-length: #{byte_size(conn.resp_body)}\r\n",
      head,
      "\r\n",
      conn.resp_body
    ])

    :gen_tcp.close(socket)
  end

  defp headers(socket, conn) do
    case :gen_tcp.recv(socket, 0) do
      {:ok, {:http_header, _, :Cookie, _, value}} ->
        headers(socket, Plug.Conn.put_req_header(conn, "cookie", value))

      {:ok, {:http_header, _, _, _, _}} ->
        headers(socket, conn)

      {:ok, :http_eoh} ->
        conn
    end
  end
end

Server.run()
