// What the servers of this directory have in common: see ../python/serve.py.
'use strict'

exports.secret = process.env.SECRET
exports.visit = JSON.parse(process.env.VISIT)

// serve serves handler, and stops when standard input ends.
exports.serve = handler => {
  const server = require('node:http').createServer(handler)
  server.listen(0, '127.0.0.1', () => console.log('listening on', server.address().port))
  process.stdin.on('end', () => process.exit()).resume()
}
