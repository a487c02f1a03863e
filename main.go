// Command liveorigin runs a whole live video pipeline and breaks it on purpose.
package main

import (
	"os"

	"github.com/liveorigin/liveorigin/cmd"
)

func main() { os.Exit(cmd.Main()) }
