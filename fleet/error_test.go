package fleet_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// TestCodes_ListsEveryCode reads the constants from the source: one that is not
// listed would come back from Temporal as "internal".
func TestCodes_ListsEveryCode(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	require.NoError(t, err)
	var declared []fleet.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Code" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, fleet.Code(code))
		}
		return true
	})
	require.NotEmpty(t, declared)
	require.ElementsMatch(t, declared, fleet.Codes())
}

func TestCode_RetryableOnlyWhereTheSameRequestMaySucceed(t *testing.T) {
	t.Parallel()
	retryable := map[fleet.Code]bool{
		fleet.CodeUnavailable: true, fleet.CodeTimeout: true, fleet.CodeInternal: true,
		fleet.CodeBusy: true, fleet.CodeCapacity: true,
	}
	for _, c := range fleet.Codes() {
		require.Equal(t, retryable[c], c.Retryable(), c)
	}
}
