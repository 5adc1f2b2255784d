package atlas

// Action names something that an account may be allowed to do. Each use case
// of atlas/fleet has one.
type Action string

// The built-in actions.
const (
	AccountCreate  Action = "account.create" // on the parent
	AccountRead    Action = "account.read"
	AccountUpdate  Action = "account.update"
	AccountSuspend Action = "account.suspend" // and resume
	AccountBlock   Action = "account.block"
	AccountClose   Action = "account.close"
	AccountMove    Action = "account.move" // on the account and on its new parent
	AccountSupport Action = "account.support"

	PasswordChange Action = "password.change"
	PasswordReset  Action = "password.reset"
	SessionRead    Action = "session.read"
	SessionEnd     Action = "session.end"
	KeyCreate      Action = "api_key.create"
	KeyRead        Action = "api_key.read"
	KeyRevoke      Action = "api_key.revoke"

	CreditRead     Action = "credit.read"
	CreditGrant    Action = "credit.grant"
	CreditTransfer Action = "credit.transfer" // on both accounts
	CreditHold     Action = "credit.hold"     // and capture, release
	CreditRefund   Action = "credit.refund"

	PlanCreate Action = "plan.create"
	PlanRead   Action = "plan.read"

	CodeIssue  Action = "activation_code.issue" // on the owner
	CodeRead   Action = "activation_code.read"
	CodeReveal Action = "activation_code.reveal"
	CodeChange Action = "activation_code.change" // suspend, resume, revoke

	DeviceRead     Action = "device.read"
	DeviceUpdate   Action = "device.update"
	DeviceTransfer Action = "device.transfer" // on the device and on its new owner
	FolderCreate   Action = "folder.create"
	FolderRead     Action = "folder.read"

	PackageUpload   Action = "apk.upload" // on the owner
	PackageRead     Action = "apk.read"
	PackageDownload Action = "apk.download"
	PackageAssign   Action = "apk.assign" // on the package and on the target
	PackageJudge    Action = "apk.judge"  // change a verdict by hand

	CommandSend   Action = "command.send" // on each target
	CommandRead   Action = "command.read"
	CommandCancel Action = "command.cancel"

	AuditRead    Action = "audit.read"
	SecurityRead Action = "security.read"
)

// Reach is how far from its own place a role may do an action.
type Reach uint8

// The reaches, narrowest first. The zero value allows nothing.
const (
	Nowhere    Reach = iota
	Self             // the actor's own account and what it owns
	Below            // strictly below the actor
	Subtree          // the actor and everything below
	Everywhere       // all tenants, and what belongs to none
)

// String returns the word that the documents use.
func (r Reach) String() string {
	return [...]string{"-", "self", "below", "subtree", "all"}[min(r, Everywhere)]
}

// Rule is one row of the matrix: for one action, how far each role reaches.
type Rule struct {
	Action Action
	Reach  map[Role]Reach
	// Support is the support permission that is needed besides, or 0.
	Support Support
	// Personal says that the action reads personal data of others: an Admin
	// must name one of the disclosure purposes (M-024).
	Personal bool
}

// row builds a Rule from the reaches in the order of [Roles].
func row(a Action, admin, reseller, sub, client Reach) Rule {
	return Rule{Action: a, Reach: map[Role]Reach{Admin: admin, Reseller: reseller, SubReseller: sub, Client: client}}
}

// personal is row for an action that reads personal data.
func personal(a Action, admin, reseller, sub, client Reach) Rule {
	r := row(a, admin, reseller, sub, client)
	r.Personal = true
	return r
}

// Matrix returns the built-in role × action matrix as data, in the order of
// the documents. Embedders add rows, or roles to rows, and build a [Policy].
func Matrix() []Rule {
	return []Rule{
		row(AccountCreate, Everywhere, Subtree, Subtree, Nowhere),
		personal(AccountRead, Everywhere, Subtree, Subtree, Self),
		row(AccountUpdate, Everywhere, Subtree, Subtree, Self),
		row(AccountSuspend, Everywhere, Below, Below, Nowhere),
		row(AccountBlock, Everywhere, Nowhere, Nowhere, Nowhere),
		row(AccountClose, Everywhere, Below, Below, Nowhere),
		row(AccountMove, Everywhere, Subtree, Subtree, Nowhere),
		row(AccountSupport, Everywhere, Below, Below, Nowhere),

		row(PasswordChange, Self, Self, Self, Self),
		row(PasswordReset, Everywhere, Below, Below, Nowhere),
		personal(SessionRead, Everywhere, Self, Self, Self),
		row(SessionEnd, Everywhere, Subtree, Subtree, Self),
		row(KeyCreate, Self, Self, Self, Self),
		row(KeyRead, Everywhere, Self, Self, Self),
		row(KeyRevoke, Everywhere, Subtree, Subtree, Self),

		personal(CreditRead, Everywhere, Subtree, Subtree, Self),
		row(CreditGrant, Everywhere, Nowhere, Nowhere, Nowhere),
		row(CreditTransfer, Everywhere, Subtree, Subtree, Nowhere),
		row(CreditHold, Everywhere, Subtree, Subtree, Nowhere),
		row(CreditRefund, Everywhere, Nowhere, Nowhere, Nowhere),

		row(PlanCreate, Everywhere, Nowhere, Nowhere, Nowhere),
		row(PlanRead, Everywhere, Everywhere, Everywhere, Everywhere),

		row(CodeIssue, Everywhere, Subtree, Subtree, Nowhere),
		personal(CodeRead, Everywhere, Subtree, Subtree, Self),
		personal(CodeReveal, Everywhere, Subtree, Subtree, Self),
		row(CodeChange, Everywhere, Subtree, Subtree, Nowhere),

		personal(DeviceRead, Everywhere, Subtree, Subtree, Self),
		row(DeviceUpdate, Everywhere, Subtree, Subtree, Self),
		row(DeviceTransfer, Everywhere, Subtree, Subtree, Nowhere),
		row(FolderCreate, Everywhere, Subtree, Subtree, Self),
		personal(FolderRead, Everywhere, Subtree, Subtree, Self),

		row(PackageUpload, Everywhere, Subtree, Subtree, Self),
		personal(PackageRead, Everywhere, Subtree, Subtree, Self),
		row(PackageDownload, Everywhere, Subtree, Subtree, Self),
		row(PackageAssign, Everywhere, Subtree, Subtree, Self),
		row(PackageJudge, Everywhere, Nowhere, Nowhere, Nowhere),

		row(CommandSend, Everywhere, Subtree, Subtree, Self),
		personal(CommandRead, Everywhere, Subtree, Subtree, Self),
		row(CommandCancel, Everywhere, Subtree, Subtree, Self),

		personal(AuditRead, Everywhere, Subtree, Subtree, Self),
		personal(SecurityRead, Everywhere, Subtree, Subtree, Nowhere),
	}
}
