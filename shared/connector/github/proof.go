package github

import (
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/domain"
)

// What proves that GitHub did what was asked.
var (
	createProof = answers.ProofOf(domain.GitHub, "", answers.OpCreate)
	updateProof = answers.ProofOf(domain.GitHub, "", answers.OpUpdate)
	readProof   = answers.ProofOf(domain.GitHub, "", answers.OpRead)
	listProof   = answers.ProofOf(domain.GitHub, "", answers.OpList)
	tokenProof  = answers.ProofOf(domain.GitHub, "", answers.OpToken)
)
