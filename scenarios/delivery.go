package scenarios

// The delivery network that a scenario has which says `delivery: {}`: as many sites and servers as are published
// (facts.md EDG-11: 18,000+ servers in 6,000+ locations). The rest is ours: how many top-tier caches there are, in how
// many groups alike sites are simulated, and what the backbone carries, which is published as fixed only (EDG-12).
const (
	defaultSites    = 6000
	serversPerSite  = 3
	sitesPerTopTier = 100
	defaultGroups   = 240
)

func (f *form) deliveryKeys() keys {
	d := &f.Delivery
	return keys{
		{name: "sites", about: "locations with edge servers; 6000 by default", is: count(&d.Sites, 1, 100_000)},
		{name: "servers", about: "edge servers in all of them; three a site by default", is: count(&d.Servers, 1, 1_000_000)},
		{name: "top_tier", about: "caches that alone ask origins, in all regions together; one for 100 sites by default",
			is: count(&d.TopTier, 1, 10_000)},
		{name: "groups", about: "groups of sites that are alike, of which one is simulated; 240 by default",
			is: count(&d.Groups, 1, 10_000)},
		{name: "backbone", otherwise: "400Gbps",
			about: "what one region's origins and the top tier can carry between them; it does not scale",
			is:    bandwidth(&d.Backbone, 1_000_000, 1_000_000_000_000_000)},
	}
}

// checkDelivery settles what the file leaves open, and compares the parts of the network with one another.
func (f *form) checkDelivery(r *reader) {
	if !r.given("delivery") {
		return
	}
	if r.given("audience.edges") {
		r.problemOfKey("audience.edges", "viewers ask the sites of the delivery network; take edges out, or delivery")
	}
	f.Audience.Edges = 0
	f.settleDelivery(r)
	d, regions := f.Delivery, quantity{"regions", "regions", len(f.Regions)}
	servers := quantity{"delivery.servers", "servers", d.Servers}
	sites := quantity{"delivery.sites", "sites", d.Sites}
	groups := quantity{"delivery.groups", "groups", d.Groups}
	if oneForEach(r, sites, regions) { // or what follows from the sites is too little as well
		oneForEach(r, servers, sites)
		oneForEach(r, sites, groups)
		oneForEach(r, groups, regions)
		oneForEach(r, quantity{"delivery.top_tier", "top-tier caches", d.TopTier}, regions)
	}
	for _, b := range f.broken {
		if path := join(b.path, "edge"); r.given(path) {
			r.problemOfKey(path, "a delivery network has sites, not edges with names; name a region instead")
		}
	}
}

// settleDelivery gives a network that is smaller than the default one its proportions.
func (f *form) settleDelivery(r *reader) {
	d := &f.Delivery
	open := func(key string) bool { return !r.given(join("delivery", key)) }
	if open("sites") {
		d.Sites = defaultSites
	}
	if open("servers") {
		d.Servers = serversPerSite * d.Sites
	}
	if open("top_tier") {
		d.TopTier = max(d.Sites/sitesPerTopTier, len(f.Regions))
	}
	if open("groups") {
		d.Groups = min(defaultGroups, d.Sites)
	}
}

// quantity is how many there are of something, and where the file says so.
type quantity struct {
	path, of string
	n        int
}

// oneForEach wants at least as many of one as of another. Blamed is the one that the file gives.
func oneForEach(r *reader, these, those quantity) bool {
	if !r.sound(these.path, those.path) || these.n >= those.n {
		return true
	}
	blame := these.path
	if !r.given(blame) {
		blame = those.path
	}
	r.problem(blame, "%d %s for %d %s; each has at least one", these.n, these.of, those.n, those.of)
	return false
}
