// Package keyringtest tries out, in simulated time, whether a way to run a ring
// of keys signs anybody out.
//
// A [Fleet] is a number of instances of one server, each with a clock that is
// wrong, that load every new ring a while after it was published, are restarted,
// and are rolled back to a binary that lacks a codec or an algorithm. An operator
// edits the ring all the while. Sessions begin on one instance, are reissued by
// others and opened by others again, at the times at which it is most likely to
// go wrong: as a key begins to sign or ceases to verify, give or take the lag and
// the errors of the clocks, and just before a session ends.
//
//	result, err := keyringtest.Fleet{Policy: policy, Lag: 20 * time.Minute}.Run(ctx, 1, 100_000, nil)
//	...
//	if result.WronglyRejected > 0 {
//		log.Print(result.Failures[0])
//	}
//
// The rings are those of package keyring and the tokens those of package session;
// only the time is not real, and nothing waits for it. The same fleet and seed
// give the same result.
//
// The zero Fleet is the recommended one, and signs nobody out. What happens to
// others, [Fleet] tells field by field.
//
// As times are chosen with malice, the counts of a Result compare fleets. They are
// not the rates of a fleet in use, which are much lower.
package keyringtest
