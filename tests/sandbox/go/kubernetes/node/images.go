// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"sigs.k8s.io/yaml"
)

// Account is what a registry of the table accepts for its private images.
type Account struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Image says what runs in place of the container images that a pattern matches.
type Image struct {
	Pattern          string            `json:"image"`
	Private          bool              `json:"private"`
	Entrypoint       []string          `json:"entrypoint"`
	Command          []string          `json:"command"`
	Environment      map[string]string `json:"environment"`
	Files            map[string]string `json:"files"` // path in the container -> source
	WorkingDirectory string            `json:"working_directory"`
	User             int64             `json:"user"`
	Python           bool              `json:"python"`
	Process          *bool             `json:"process"` // false: the container counts as running, without a process
	expression       *regexp.Regexp
}

type imageTable struct {
	Registries map[string]Account `json:"registries"`
	Images     []*Image           `json:"images"`
}

// readImageTable reads the table and fills in its variables.
func readImageTable(path string, variables map[string]string) (*imageTable, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the image table: %w", err)
	}
	var missing []string
	filled := os.Expand(string(text), func(name string) string {
		value, known := variables[name]
		if !known {
			missing = append(missing, name)
		}
		return value
	})
	if len(missing) > 0 {
		return nil, fmt.Errorf("the image table %s uses variables that the node was not given: %s", path, strings.Join(missing, ", "))
	}
	table := &imageTable{}
	if err := yaml.UnmarshalStrict([]byte(filled), table); err != nil {
		return nil, fmt.Errorf("the image table %s: %w", path, err)
	}
	for _, image := range table.Images {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(image.Pattern), `\*`, `.*`)
		image.expression = regexp.MustCompile("^" + pattern + "$")
	}
	return table, nil
}

// find returns the first row that matches, or nil.
func (t *imageTable) find(reference string) *Image {
	for _, image := range t.Images {
		if image.expression.MatchString(reference) {
			return image
		}
	}
	return nil
}

// imageService is the CRI's image half: a registry and a node's image store.
type imageService struct {
	runtimeapi.UnimplementedImageServiceServer
	table  *imageTable
	mutex  sync.Mutex
	pulled map[string]bool
}

func digest(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// describe is the stored image as the CRI shows it.
func (s *imageService) describe(reference string) *runtimeapi.Image {
	image := s.table.find(reference)
	described := &runtimeapi.Image{
		Id:          digest(reference),
		RepoTags:    []string{reference},
		RepoDigests: []string{repository(reference) + "@" + digest(reference)},
		Size:        1 << 20,
		Uid:         &runtimeapi.Int64Value{Value: image.User},
	}
	return described
}

func repository(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}

func registryHost(reference string) string {
	host, _, hasPath := strings.Cut(reference, "/")
	if !hasPath || !strings.ContainsAny(host, ".:") {
		return "docker.io"
	}
	return host
}

// resolve finds the stored image that the kubelet asks for by tag or by digest.
func (s *imageService) resolve(reference string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.pulled[reference] {
		return reference
	}
	for name := range s.pulled {
		if digest(name) == reference || strings.HasSuffix(reference, "@"+digest(name)) {
			return name
		}
	}
	return ""
}

func (s *imageService) ListImages(context.Context, *runtimeapi.ListImagesRequest) (*runtimeapi.ListImagesResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	response := &runtimeapi.ListImagesResponse{}
	for reference := range s.pulled {
		response.Images = append(response.Images, s.describe(reference))
	}
	return response, nil
}

func (s *imageService) ImageStatus(_ context.Context, request *runtimeapi.ImageStatusRequest) (*runtimeapi.ImageStatusResponse, error) {
	reference := s.resolve(request.Image.Image)
	if reference == "" {
		return &runtimeapi.ImageStatusResponse{}, nil
	}
	return &runtimeapi.ImageStatusResponse{Image: s.describe(reference)}, nil
}

// PullImage refuses as a registry does, in containerd's words: an unknown image
// is not found, a private one without a valid account is unauthorized.
func (s *imageService) PullImage(_ context.Context, request *runtimeapi.PullImageRequest) (*runtimeapi.PullImageResponse, error) {
	reference := request.Image.Image
	image := s.table.find(reference)
	if image == nil {
		return nil, status.Errorf(codes.NotFound,
			"failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", reference, reference, reference)
	}
	if image.Private && !s.admits(registryHost(reference), request.Auth) {
		return nil, status.Errorf(codes.Unknown,
			"failed to pull and unpack image %q: failed to resolve reference %q: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://%s/auth: 401 Unauthorized",
			reference, reference, registryHost(reference))
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.pulled[reference] = true
	return &runtimeapi.PullImageResponse{ImageRef: digest(reference)}, nil
}

func (s *imageService) admits(host string, auth *runtimeapi.AuthConfig) bool {
	account, known := s.table.Registries[host]
	return known && auth != nil && auth.Username == account.Username && auth.Password == account.Password
}

func (s *imageService) RemoveImage(_ context.Context, request *runtimeapi.RemoveImageRequest) (*runtimeapi.RemoveImageResponse, error) {
	reference := s.resolve(request.Image.Image)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.pulled, reference)
	return &runtimeapi.RemoveImageResponse{}, nil
}

func (s *imageService) ImageFsInfo(context.Context, *runtimeapi.ImageFsInfoRequest) (*runtimeapi.ImageFsInfoResponse, error) {
	return &runtimeapi.ImageFsInfoResponse{}, nil
}
