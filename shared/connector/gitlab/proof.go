package gitlab

import (
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/domain"
)

// What proves that GitLab did what was asked.
var (
	createProof = answers.ProofOf(domain.GitLab, "", answers.OpCreate)
	updateProof = answers.ProofOf(domain.GitLab, "", answers.OpUpdate)
	readProof   = answers.ProofOf(domain.GitLab, "", answers.OpRead)
	listProof   = answers.ProofOf(domain.GitLab, "", answers.OpList)
)
