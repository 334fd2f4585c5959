package main

import (
	"context"
	"embed"
	"encoding/json"

	"github.com/spf13/cobra"
)

// The schemas are made from the types of package fleet and their comments by this
// package's golden test.
//
//go:embed schema/*.json
var schemas embed.FS

func newSchemaCommand(app *App) *cobra.Command {
	one := func(name string) *cobra.Command {
		return command(name, "print the JSON Schema of a "+name+" document",
			"Prints the JSON Schema (draft 2020-12) of a "+name+" document, as JSON or YAML files are held to it.",
			"  crawlfleet schema "+name+" > "+name+".schema.json", 0, 0,
			func(context.Context, []string) error {
				b, err := schemas.ReadFile("schema/" + name + ".json")
				if err != nil {
					return err
				}
				if app.output == outputJSONL {
					return app.encode(json.RawMessage(b))
				}
				_, err = app.Out.Write(b)
				return err
			})
	}
	return group("schema", "print the JSON Schema of a document",
		"Prints the JSON Schema of the documents that `ticket submit -f` and `tenant apply -f` take.",
		one("ticket"), one("tenant"))
}
