// Package encoders holds pipelines that publish candidates, on time or late, whole or flawed.
//
//	media/*.mp4        the loop: 16 s of H.264 and AAC, made once with ffmpeg
//	    |
//	 Encoder           looped on the epoch: number, decode time and bytes of a segment follow from the clock alone
//	    |  origin.Source   (here faults make it late, flawed or silent)
//	 Packager          inspects what it is handed and publishes it until it is acknowledged or too late
//	    |  origin.Publisher
//	 origin nodes
//
// Sizes stands in for Encoder in virtual time, where there are no bytes.
//
// Inspect is the judge of a segment's bytes. The packager reports with it what it sends; the origin asks it again, and
// believes nobody.
package encoders
