// Command shape measures how the code is built: lengths, blank lines, assignments,
// sizes of types, imports between rooms and copies. Each figure has a limit. It
// prints a table, and with -list what goes beyond a limit. It ends with code 1 if
// anything does.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

var errBeyond = errors.New("a figure is beyond its limit")

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("shape", flag.ContinueOnError)
	root := flags.String("root", ".", "folder of the module")
	list := flags.Bool("list", false, "list what is beyond a limit")
	if err := flags.Parse(args); err != nil {
		return err
	}

	files, err := load(*root)
	if err != nil {
		return err
	}

	figures := measure(files)

	return show(out, figures, *list)
}

// show prints a line for each figure, and what is beyond its limit.
func show(out io.Writer, figures []figure, list bool) error {
	beyond := false
	fmt.Fprintf(out, "%-58s %10s %10s\n", "", "now", "limit")
	for _, f := range figures {
		mark := ""
		if !f.holds() {
			mark = "  beyond"
			beyond = true
		}

		fmt.Fprintf(out, "%-58s %10s %10s%s\n", f.name, f.now(), f.bound(), mark)
	}

	for _, f := range figures {
		if list && len(f.offenders) > 0 {
			fmt.Fprintf(out, "\n%s:\n", f.name)
			for _, o := range f.offenders {
				fmt.Fprintln(out, "  "+o)
			}
		}
	}

	if beyond {
		return errBeyond
	}

	return nil
}
