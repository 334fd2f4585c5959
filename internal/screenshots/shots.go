package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/browser"
)

// shot is one picture.
type shot struct {
	name  string
	view  browser.View
	login string // the site whose login comes first; "" for none
	url   string
	until string // what has to hold before the picture is taken
	do    string // what is done then, such as scrolling; "" for nothing
	also  string // what has to hold after that
}

func (s *scene) shots() []shot {
	pages := s.at.Web + "/t/" + string(tenant)
	loaded := `document.querySelector("main h1") !== null`
	ui := s.at.UI + "/namespaces/" + s.at.Namespace + "/workflows"
	desk, wide := browser.View{Width: 1200, Height: 900}, browser.View{Width: 1400, Height: 900}
	text := func(part string) string { return fmt.Sprintf("document.body.innerText.includes(%q)", part) }
	tab := func(name string) string {
		return fmt.Sprintf("[...document.querySelectorAll('a')].find(a => a.textContent.includes(%q)).click()", name)
	}
	workflow := func(id string) string { return ui + "/" + url.PathEscape(id) }
	return []shot{
		{name: "web-overview", view: desk, login: s.at.Web, url: pages, until: loaded},
		{name: "web-ticket", view: desk, login: s.at.Web, url: pages + "/tickets/" + string(running), until: loaded},
		{
			name: "web-story", view: desk, login: s.at.Web, url: pages + "/tickets/" + string(crawled), until: loaded,
			do: `document.getElementById("story").scrollIntoView()`,
		},
		{
			name: "web-narrow", view: browser.View{Width: 390, Height: 844, Dark: true}, login: s.at.Web,
			url: pages + "/tickets/" + string(waiting), until: loaded,
		},
		{name: "ui-workflows", view: wide, url: ui, until: text("ticket/" + string(tenant))},
		{
			name: "ui-ticket", view: browser.View{Width: 1400, Height: 1300}, url: workflow(fleet.TicketWorkflowID(tenant, crawled)),
			until: text("Event History"), do: tab("Event History"), also: text("Record"),
		},
		{
			name: "ui-tenant", view: wide, url: workflow(fleet.TenantWorkflowID(tenant)),
			until: text("User Metadata"), do: tab("User Metadata"), also: text("Current Details"),
		},
	}
}

func (one shot) take(ctx context.Context, b *browser.Browser, dir string) (int, error) {
	p, err := b.Open(ctx, one.view)
	if err != nil {
		return 0, err
	}
	if one.login != "" {
		if err := login(p, one.login); err != nil {
			return 0, err
		}
	}
	if err := p.Go(one.url); err != nil {
		return 0, err
	}
	if err := p.Wait(one.until); err != nil {
		return 0, err
	}
	if one.do != "" {
		if err := p.Eval(one.do, nil); err != nil {
			return 0, err
		}
	}
	if one.also != "" {
		if err := p.Wait(one.also); err != nil {
			return 0, err
		}
	}
	if err := p.Settle(); err != nil {
		return 0, err
	}
	// What was clicked has the focus, and a frame that a reader of the picture wonders at.
	if err := p.Eval(`document.activeElement.blur()`, nil); err != nil {
		return 0, err
	}
	picture, err := p.Screenshot(false)
	if err != nil {
		return 0, err
	}
	if picture, err = smaller(picture); err != nil {
		return 0, err
	}
	if len(picture) > maxPicture {
		return 0, fmt.Errorf("it has %d bytes, more than %d", len(picture), maxPicture)
	}
	return len(picture), os.WriteFile(filepath.Join(dir, one.name+".png"), picture, 0o644)
}

func login(p *browser.Page, site string) error {
	if err := p.Go(site + "/login"); err != nil {
		return err
	}
	if err := p.Eval(`document.getElementById("key").focus()`, nil); err != nil {
		return err
	}
	if err := p.Type(key.Reveal()); err != nil {
		return err
	}
	if err := p.Press(browser.Enter); err != nil {
		return err
	}
	return p.Wait(`document.querySelector("h1").textContent === "Overview"`)
}

// maxColours is what a PNG with a palette has at most.
const maxColours = 256

// smaller writes a picture with a palette of its most frequent colours: pages have few,
// and the many shades at the edges of letters look the same in their neighbours' colour.
func smaller(b []byte) ([]byte, error) {
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	count := map[color.NRGBA]int{}
	size := picture.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			count[color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)]++
		}
	}
	colours := make([]color.NRGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.NRGBA) int { return count[b] - count[a] })
	palette := make(color.Palette, 0, maxColours)
	for _, c := range colours[:min(len(colours), maxColours)] {
		palette = append(palette, c)
	}
	out := image.NewPaletted(size, palette)
	draw.Draw(out, size, picture, size.Min, draw.Src)
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&small, out)
	return small.Bytes(), err
}
