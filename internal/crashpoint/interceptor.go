package crashpoint

import (
	"context"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Interceptor puts a place before and one after every activity of a worker, local ones
// included, under the activity's wire name.
func (p *Points) Interceptor() interceptor.WorkerInterceptor {
	return &workerInterceptor{points: p}
}

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
	points *Points
}

func (w *workerInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	i := &activityInterceptor{points: w.points}
	i.Next = next
	return i
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	points *Points
}

// ExecuteActivity does the activity between its two places. One that failed has an after
// too: Serve for one never ends otherwise.
func (i *activityInterceptor) ExecuteActivity(
	ctx context.Context, in *interceptor.ExecuteActivityInput,
) (any, error) {
	name, tenant := activity.GetInfo(ctx).ActivityType.Name, Tenant(ctx)
	i.points.At(Before, name, tenant)
	v, err := i.Next.ExecuteActivity(ctx, in)
	i.points.At(After, name, tenant)
	return v, err
}

// Tenant is whom the activity of a context works for, by its workflow's id
// ("crawler/<tenant>/<guid>"); empty outside an activity.
func Tenant(ctx context.Context) fleet.TenantID {
	if !activity.IsActivity(ctx) {
		return ""
	}
	parts := strings.Split(activity.GetInfo(ctx).WorkflowExecution.ID, "/")
	if len(parts) < 2 {
		return ""
	}
	return fleet.TenantID(parts[1])
}
