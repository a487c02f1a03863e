// Package sim runs a scenario, on either clock.
//
//	        scenario
//	           |
//	  Run -----+----- Replay             the same encoders, packagers, origins, edges and faults (sim/stack), over
//	   |               |
//	goroutines        one thread         a clock            origin.Wall, sim/loop
//	HTTP, loopback    calls              ways between       sim/stack: http.go, virtual.go; sim/resources
//	bytes             sizes              media              encoders.Encoder, encoders.Sizes
//	a model, or       the same model     stores             sim/storage
//	databases                                               ground.go: sim/containers, origin/cassandra, origin/memcached
//	this process, or  one thread         origins, edges     sim/stack
//	one each                                                sim/parts, sim/stack: processes.go, part.go
//	wraps, and acts   wraps              faults             faults, acts.go
//	k6, a child       counts, agents     viewers            xk6-liveorigin, sim/audience
//	   |               |
//	  history ---------+--- Judge        run.jsonl, audience.jsonl; load.jsonl
//
// Both write the history into the run's directory first, and have it judged afterwards; Judge does only the latter.
package sim

// Version is the harness's, for its reports.
const Version = "0.1.0"
