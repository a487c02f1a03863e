package faults

// Kinds is the table of all faults. It is a function so that nobody can change it.
func Kinds() []Kind {
	return []Kind{
		{Name: "none", About: "nothing; a run with it proves that faults must be felt", New: newNone},
		{Name: "region-loss", About: "everything in a region is gone: its pipelines, origins and store",
			Needs: []string{"region"}, New: newRegionLoss},
		{Name: "zone-loss", About: "one zone's replica of a region's store is gone",
			Needs: []string{"region", "zone"}, New: newZoneLoss},
		{Name: "zone-crash", About: "one zone's replica forgets what it had not synced, and is gone",
			Needs: []string{"region", "zone"}, New: newZoneCrash},
		{Name: "pipeline-stop", About: "an encoder hands over nothing",
			Needs: []string{"pipeline"}, Allows: []string{"rendition"}, New: newPipelineStop},
		{Name: "late-segments", About: "an encoder hands its segments over late",
			Needs: []string{"pipeline", "delay"}, Allows: []string{"rendition"}, New: newLateSegments},
		{Name: "media-defect", About: "an encoder's segments have a defect",
			Needs: []string{"pipeline", "defect"}, Allows: []string{"rendition"}, New: newMediaDefect},
		{Name: "drift", About: "an encoder's clock runs slow until epoch lock breaks",
			Needs: []string{"pipeline", "ppm"}, New: newDrift},
		{Name: "cache-loss", About: "the cache in front of a region's store is gone; reads fall through to the store",
			Needs: []string{"region"}, NeedsCache: true, New: newCacheLoss},
		{Name: "slow-store", About: "a region's store answers late",
			Needs: []string{"region", "delay"}, New: newSlowStore},
		{Name: "slow-publish", About: "the way from packagers to a region's origins is slow",
			Needs: []string{"region", "delay"}, New: newSlowPublish},
		{Name: "cut-publish", About: "the way from packagers to a region's origins is cut",
			Needs: []string{"region"}, New: newCutPublish},
		{Name: "edge-flush", About: "edges forget everything at one moment",
			Allows: []string{"edge", "region"}, Instant: true, New: newEdgeFlush},
	}
}
