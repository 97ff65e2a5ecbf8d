package main

import (
	"fmt"
	"slices"
)

// The limits that the house is held to.
const (
	mostMethods      = 25
	mostFields       = 12
	medianLength     = 10
	p95Length        = 35
	mostLength       = 60
	leastBlank       = 6.0 // per cent of the lines of bodies
	mostTriples      = 1.0 // per 1,000 lines
	mostPackages     = 92
	mostLocalLines   = 19_000
	mostParameters   = 5
	mostResults      = 3
	copiedLines      = 20
	copiesBetween    = "local/providers"
	perThousandLines = 1000.0
)

// A figure is something measured, with its limit.
type figure struct {
	name      string
	value     float64
	limit     float64
	least     bool // the limit is the least allowed, not the most
	offenders []string
}

func (f figure) holds() bool {
	if f.least {
		return f.value >= f.limit
	}

	return f.value <= f.limit
}

func (f figure) now() string { return number(f.value) }

func (f figure) bound() string {
	if f.least {
		return "≥ " + number(f.limit)
	}

	return "≤ " + number(f.limit)
}

func number(value float64) string {
	if value == float64(int(value)) {
		return fmt.Sprint(int(value))
	}

	return fmt.Sprintf("%.2f", value)
}

// most is a figure that counts offenders. None are allowed.
func most(name string, offenders []string) figure {
	return figure{name: name, value: float64(len(offenders)), offenders: offenders}
}

// measure takes all figures of a module. Tests are left out, except where a figure
// says otherwise.
func measure(all []*source) []figure {
	var files []*source
	folders := map[string]bool{}
	for _, f := range all {
		folders[f.folder] = true
		if !f.test {
			files = append(files, f)
		}
	}

	b := bodies(files)
	lengths := b.lengths
	slices.Sort(lengths)
	figures := []figure{
		most(fmt.Sprintf("types with over %d methods", mostMethods), largeTypes(files, mostMethods)),
		most(fmt.Sprintf("structs with over %d fields", mostFields), wideStructs(files, mostFields)),
		{name: "lines of a function, median", value: float64(percentile(lengths, 50)), limit: medianLength},
		{name: "lines of a function, 95th percentile", value: float64(percentile(lengths, 95)), limit: p95Length},
		most(fmt.Sprintf("functions over %d lines", mostLength), b.long),
		{name: "blank lines in bodies, per cent", value: share(b.blank, b.lines, 100), limit: leastBlank, least: true},
		{name: "assignments of three values, per 1,000 lines", value: share(len(b.triples), b.lines, perThousandLines), limit: mostTriples, offenders: b.triples},
		most(fmt.Sprintf("functions with over %d parameters or %d results", mostParameters, mostResults), b.wide),
		most("imports from a lower to a higher room", upward(files)),
		{name: "packages", value: float64(len(folders)), limit: mostPackages},
		{name: "lines of code in local", value: float64(codeIn(files, "local")), limit: mostLocalLines},
		most("exported names without a comment", undocumented(files)),
		most(fmt.Sprintf("copies of %d lines or more between fake servers", copiedLines), copies(files, copiesBetween, copiedLines)),
	}

	return figures
}

func percentile(sorted []int, p int) int {
	if len(sorted) == 0 {
		return 0
	}

	return sorted[(len(sorted)-1)*p/100]
}

func share(part, whole int, of float64) float64 {
	if whole == 0 {
		return 0
	}

	return float64(part) * of / float64(whole)
}
