//go:build race

package calibrate

const underRace = true
