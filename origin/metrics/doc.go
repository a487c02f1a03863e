// Package metrics tells operators what an origin or an edge does: in numbers for Prometheus, in log lines that a storm cannot
// multiply, and in alerts whose time to detect a scenario can measure (facts.md, OBS-3 and OBS-8).
//
//	origin.Node --Answered, Taken, LookedUp--> Metrics --+
//	keyvalue.Store.Stats, Node.States  ---- at scrape ---+--> Registry --> Handler: /metrics, /healthz, /readyz, pprof
//	Directory.Events --> Metrics.Directory --------------+
//	edge.Edge --Answered--> Metrics.WatchEdge -----------+
//	origin.Getter --> LogRefusals --> Log --> one line a second and class
//
// The names of all metrics begin with liveorigin_; their labels are events, pipelines and closed sets of words, so that
// nobody from outside can make a new one. No label is a segment or a rendition. Package alerts evaluates Alerts over
// what a run scraped.
package metrics
