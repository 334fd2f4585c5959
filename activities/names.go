package activities

// The registered names of the control side's activities. They are wire names: a
// history that was recorded under a name is replayed under it.
const (
	ActivityRoute  = "Route"
	ActivityRecord = "Record"

	ActivityDecide = "Decide"

	ActivityLaunching = "Launching"
	ActivityServing   = "Serving"
	ActivityRetire    = "Retire"
	ActivityDrain     = "Drain"
	ActivityBury      = "Bury"
	ActivityFail      = "Fail"
	ActivitySettle    = "Settle"

	ActivityLaunch   = "Launch"
	ActivityDescribe = "Describe"
	ActivityStop     = "Stop"

	ActivitySetAside  = "SetAside"
	ActivityRedeliver = "Redeliver"

	ActivityAdmit           = "Admit"
	ActivityOpenAccount     = "OpenAccount"
	ActivityCreateDatabase  = "CreateDatabase"
	ActivityDestroyDatabase = "DestroyDatabase"
	ActivityCheckQueue      = "CheckQueue"
	ActivityReserveProof    = "ReserveProof"
	ActivityMoveTenant      = "MoveTenant"
	ActivityChangePlan      = "ChangePlan"
	ActivityReplan          = "Replan"
	ActivitySuspend         = "Suspend"
	ActivityResume          = "Resume"
	ActivityCondemn         = "Condemn"
	ActivityAddKey          = "AddKey"
	ActivityRevokeKey       = "RevokeKey"
	ActivityEndTickets      = "EndTickets"
	ActivityEndCrawlers     = "EndCrawlers"
	ActivityPurgeCrawlers   = "PurgeCrawlers"
	ActivityDeleteWorkflows = "DeleteWorkflows"
	ActivityFindTraces      = "FindTraces"
	ActivityEraseRows       = "EraseRows"
)
