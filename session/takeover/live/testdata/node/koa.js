'use strict'
const Koa = require('koa')
const session = require('koa-session')
const { secret, visit, serve } = require('./serve')

const app = new Koa()
app.keys = [secret]
app.use((session.createSession ?? session)({ key: 'koa.sess' }, app))

app.use(ctx => {
  ctx.body = {}
  if (ctx.method === 'POST' && ctx.path === '/signin') {
    Object.assign(ctx.session, visit)
  } else if (ctx.session.user) {
    ctx.body = { user: ctx.session.user }
  } else {
    ctx.status = 401
  }
})

serve(app.callback())
