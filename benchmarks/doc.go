// Package benchmarks measures, end to end, what a session costs with each of the
// codecs and algorithms: its token, its value, and the request that it comes with.
//
//	go test -bench . ./benchmarks
//
// It has nothing to import. To measure a codec or an algorithm of your own, use
// package codectest or signertest; to choose one for sessions of your own, the
// command "keyturn bench".
//
// The module in peers does the same work with other libraries beside it, and
// reports the ratios: see RESULTS.md.
package benchmarks
