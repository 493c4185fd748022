'use strict'
const { getIronSession } = require('iron-session')
const { secret, visit, serve } = require('./serve')

serve(async (req, res) => {
  const session = await getIronSession(req, res, { cookieName: 'visit', password: secret })
  res.setHeader('Content-Type', 'application/json')
  if (req.url === '/signin') {
    Object.assign(session, visit)
    await session.save()
    res.end('{}')
  } else if (session.user) {
    res.end(JSON.stringify({ user: session.user }))
  } else {
    res.statusCode = 401
    res.end('{}')
  }
})
