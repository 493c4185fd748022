// Package prometheus exports the statistics of sessions and their keyrings as Prometheus metrics.
//
//	registry.MustRegister(prometheus.NewCollector(visits)) // a *session.Manager
//
// It is a module of its own, so that programs which do not use Prometheus do not
// depend on it.
//
// # Metrics
//
// Of each ring, with the label ring:
//
//   - keyturn_ring_info is 1, with the labels checksum, primary and codec: the key
//     that signs, and the codec that the ring schedules, empty if there is none.
//   - keyturn_ring_generation.
//   - keyturn_ring_propagation_seconds, keyturn_ring_skew_seconds and
//     keyturn_ring_max_session_seconds are its policy.
//   - keyturn_ring_adopted_timestamp_seconds is when the instance began to use it.
//   - keyturn_ring_confirmed_timestamp_seconds is when its source last had it. It is
//     absent if no source is followed.
//   - keyturn_ring_failing is 1 if the last look at the source went wrong. The log
//     says why.
//   - keyturn_ring_loads_total counts looks at the source, with the label result:
//     adopted, unchanged, unreadable, invalid or refused.
//   - keyturn_ring_warnings is how many warnings there are of it: the page of
//     Middleware.Stats and the command keyturn have the text.
//   - keyturn_ring_newest_key_timestamp_seconds is when the newest key was added. It is
//     absent if no key says when.
//   - keyturn_ring_standby_timestamp_seconds is when the standby key was added. It is
//     0 if there is none, or none that says when.
//
// Of each key, with the labels ring and key:
//
//   - keyturn_key_info is 1, with the labels algorithm and state.
//   - keyturn_key_verified_total and keyturn_key_signed_total count tokens.
//   - keyturn_key_last_verified_timestamp_seconds is when this process last verified
//     a token of the key. It is absent if it has not.
//   - keyturn_key_prunable is 1 if every token of the key has expired.
//
// Of each cookie, with the label cookie:
//
//   - keyturn_sessions_total counts touched sessions, with the label outcome: valid,
//     absent, or the reason why the cookie was not accepted.
//   - keyturn_session_warnings is how many warnings there are of what the program lacks:
//     a codec that the ring schedules, without which it cannot read what others write.
//   - keyturn_session_reads_total and keyturn_session_writes_total count valid sessions
//     and tokens made, with the label codec.
//   - keyturn_session_reissues_total counts sessions that were sent on under another key
//     or in another codec, with the labels from_key, to_key, from_codec and to_codec.
//   - keyturn_session_takeovers_total counts cookies of other libraries, with the labels
//     system and result: taken_over or refused. It is absent without session.Takeover.
//
// Counters begin at 0, in each process, for every outcome, codec and key. Only those of
// reissues begin with the first of their kind, and end when a key has left the ring.
//
// # What to watch
//
// An instance lags behind: the fleet has more than one ring. As every publication makes
// it so for a while, alert when it lasts longer than the policy's propagation.
//
//	count by (ring) (count by (ring, checksum) (keyturn_ring_info)) > 1
//
// An instance no longer reads its ring, which its requests do not notice:
//
//	time() - keyturn_ring_confirmed_timestamp_seconds > keyturn_ring_propagation_seconds / 2
//	keyturn_ring_failing == 1
//
// There is something about the ring to see to; an emergency would have to wait for a
// new key; nobody has turned keys for 100 days:
//
//	max by (ring) (keyturn_ring_warnings) > 0
//	min by (ring) (keyturn_ring_standby_timestamp_seconds) == 0
//	time() - max by (ring) (keyturn_ring_newest_key_timestamp_seconds) > 100 * 86400
//
// A program lacks a codec that the ring schedules, and signs out whom others signed in:
//
//	max by (cookie) (keyturn_session_warnings) > 0
//
// A ring is published too late, or a key is missing: a hundredth of the sessions have
// an unknown key. A few of them mean nothing, since any client can send such a cookie.
//
//	sum by (cookie) (rate(keyturn_sessions_total{outcome="unknown_key"}[10m])) / sum by (cookie) (rate(keyturn_sessions_total[10m])) > 0.01
//
// A key can go (keyturn keyring prune), and, beside that, for how many seconds no
// instance has verified a token of each key:
//
//	min by (ring, key) (keyturn_key_prunable) == 1
//	time() - max by (ring, key) (max_over_time(keyturn_key_last_verified_timestamp_seconds[14d]))
//
// A codec that was not read for as long as a session lasts, here 14 days, can go:
//
//	sum by (cookie, codec) (increase(keyturn_session_reads_total[14d])) == 0
//
// Nobody is taken over from another library any more, for 14 days: its Takeover can go.
// Many that are refused say that a secret is missing:
//
//	sum by (cookie, system) (increase(keyturn_session_takeovers_total{result="taken_over"}[14d])) == 0
//	sum by (cookie, system) (rate(keyturn_session_takeovers_total{result="refused"}[10m])) > 1
//
// How far a change of keys or codecs has come: the share of what is written now, and
// the sessions that are sent on.
//
//	sum by (cookie, codec) (rate(keyturn_session_writes_total[5m]))
//	sum by (cookie, to_key, to_codec) (rate(keyturn_session_reissues_total[5m]))
package prometheus
