package image

import "path/filepath"

// The names of our images.
const (
	Crawler = "crawlfleet-crawler"
	Control = "crawlfleet"
	Server  = "crawlfleet-server"
)

// The limits of a crawler's image. SDK and Colly alone are 8 MB packed and 24 unpacked;
// what is over these is a dependency that a crawler should not have.
const (
	CrawlerPacked   = 12 << 20
	CrawlerUnpacked = 32 << 20
)

// DataDir is where our images keep data: the beginning of a volume.
const DataDir = "/var/lib/crawlfleet"

// Ours are our three images, of the programs in a directory, with a tag.
func Ours(bin, tag string) []Image {
	of := func(name string) Image {
		return Image{Ref: name + ":" + tag, Program: filepath.Join(bin, name)}
	}
	control, server := of(Control), of(Server)
	control.Data, control.Env = DataDir, []string{"CRAWLFLEET_DATA_DIR=" + DataDir}
	server.Data = DataDir
	return []Image{of(Crawler), control, server}
}
