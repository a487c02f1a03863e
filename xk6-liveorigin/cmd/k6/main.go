// Command k6 is k6 with the extension k6/x/liveorigin built in: what `xk6 build` would make, but with every version
// pinned by this module's go.sum, and without a network.
package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "github.com/liveorigin/liveorigin/xk6-liveorigin" // registers k6/x/liveorigin
)

func main() { cmd.Execute() }
