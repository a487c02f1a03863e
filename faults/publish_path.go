package faults

import "github.com/liveorigin/liveorigin/origin"

// slowPublish delays every publication on its way to a region's origins.
type slowPublish struct{ base }

func newSlowPublish(b base) Fault { return slowPublish{b} }

func (f slowPublish) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return doingPublisher{p, f.slow}
}

// Felt asks for a publication that took at least the delay, or had to be tried again.
func (f slowPublish) Felt(r origin.Record) bool { return f.slowed(r) }

// cutPublish loses every publication on its way to a region's origins.
type cutPublish struct{ base }

func newCutPublish(b base) Fault { return cutPublish{b} }

func (f cutPublish) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return doingPublisher{p, f.cut}
}

// Felt asks for a publication that failed, or that had to be tried again.
func (f cutPublish) Felt(r origin.Record) bool {
	return f.published(r) && (r.Error != "" || r.Attempts > 1)
}
