// Package liveorigin is the k6 extension k6/x/liveorigin: an audience of a live event as one JavaScript call.
//
// JavaScript describes the audience; its viewers are goroutines (package player). What they saw goes to k6's metrics,
// and on request to a snapshot that can be merged with those of other processes (package snapshot).
package liveorigin

import "go.k6.io/k6/v2/js/modules"

// importPath is what scripts import.
const importPath = "k6/x/liveorigin"

func init() { modules.Register(importPath, new(RootModule)) }
