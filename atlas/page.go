package atlas

// Page asks for one page of a list. Lists run from the newest id to the
// oldest unless they say otherwise.
type Page struct {
	// After is the id of the last item of the page before; empty for the
	// first page.
	After string
	// Limit is the most items wanted; 0 means [DefaultPage].
	Limit int
}

// Bounds of a page.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Size returns the number of items to fetch, between 1 and [MaxPage].
func (p Page) Size() int {
	if p.Limit <= 0 {
		return DefaultPage
	}
	return min(p.Limit, MaxPage)
}
