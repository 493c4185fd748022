'use strict'
const express = require('express')
const cookieSession = require('cookie-session')
const { secret, visit, serve } = require('./serve')

const app = express()
app.use(cookieSession({ name: 'session', keys: [secret], signed: process.env.KIND !== 'unsigned' }))

app.post('/signin', (req, res) => {
  Object.assign(req.session, visit)
  res.json({})
})

app.get('/me', (req, res) => {
  if (!req.session.user) return res.status(401).json({})
  res.json({ user: req.session.user })
})

serve(app)
