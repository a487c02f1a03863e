package scenarios

import (
	"time"

	"github.com/liveorigin/liveorigin/reports"
)

// Monitoring says who watches the origins' metrics.
type Monitoring struct {
	// Every is how often the metrics of all nodes are scraped, and the alerts evaluated; zero for never.
	Every time.Duration
}

// maxScrapes is how many there may be of all nodes together: what they tell is kept until the run is over.
const maxScrapes = 20_000

func (f *form) monitoringKeys() keys {
	return keys{
		{name: "every", required: true, about: "how often the metrics of all nodes are scraped, and the alerts evaluated: whole seconds",
			is: duration(&f.Monitoring.Every, time.Second, time.Minute)},
	}
}

// checkMonitoring wants scrapes at whole seconds, and not more of them than can be kept.
func (f *form) checkMonitoring(r *reader) {
	const path = "monitoring.every"
	if !r.given(path) || !r.sound(path) {
		return
	}
	every := f.Monitoring.Every
	if whole := every.Round(time.Second); every != whole {
		r.suggest(r.place(path).value, path, short(whole), "%s is not a whole number of seconds", short(every))
		return
	}
	if !r.sound("event.duration", "regions") {
		return
	}
	nodes := 0
	for _, region := range f.Regions {
		nodes += region.Origins
	}
	if n := nodes * int(f.Duration/every+1); n > maxScrapes {
		r.problem(path, "%d nodes, scraped every %s for %s, are %d scrapes; at most %d are kept", nodes, short(every), short(f.Duration), n, maxScrapes)
	}
}

// checkWatched wants somebody to watch where an objective is about alerts.
func checkWatched(r *reader, c *claim, i reports.Indicator) {
	if i.Watched && !r.given("monitoring") {
		r.problem(join(c.path, "indicator"), "%s is about alerts, and nobody watches; give monitoring: {every: 5s}", i.Name)
	}
}
