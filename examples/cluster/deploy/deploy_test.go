package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// closing is what a server may need after its drain: two CloseTimeouts.
const closing = 10 * time.Second

var program string // the server

// TestMain builds it, once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "world")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// checkEnvironment fails for a variable that is none of the server's flags.
func checkEnvironment(t *testing.T, help string, names ...string) {
	for _, name := range names {
		if flag, ok := strings.CutPrefix(name, "WORLD_"); ok {
			flag = strings.ReplaceAll(strings.ToLower(flag), "_", "-")
			assert.Regexp(t, regexp.MustCompile(`(?m)^  -`+flag+` `), help, name)
		}
	}
}

func help(t *testing.T) string {
	text, err := exec.Command(program, "-server", "-h").Output()
	require.NoError(t, err)
	return string(text)
}

// secretFiles returns the files that -secrets makes.
func secretFiles(t *testing.T) (names []string) {
	dir := filepath.Join(t.TempDir(), "secrets")
	require.NoError(t, exec.Command(program, "-secrets", "-dir", dir, "-hosts", "*.world-nodes").Run())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCompose(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}},
		Environment: types.Mapping{},
	})
	require.NoError(t, err)
	help, files := help(t), secretFiles(t)
	require.Len(t, project.Services, 3)
	ports := make(map[string]bool)
	for name, service := range project.Services {
		assert.Equal(t, name, service.Hostname, "the number comes from it")
		assert.Contains(t, *service.Environment["WORLD_ROUTES"], name+":6222")
		assert.Equal(t, name+":6222", *service.Environment["WORLD_ADVERTISE"])
		for variable := range service.Environment {
			checkEnvironment(t, help, variable)
		}
		drain, err := time.ParseDuration(*service.Environment["WORLD_DRAIN"])
		require.NoError(t, err)
		assert.Greater(t, time.Duration(*service.StopGracePeriod), drain+closing)
		var secrets []string
		for _, s := range service.Secrets {
			secrets = append(secrets, s.Source)
		}
		assert.ElementsMatch(t, files, secrets)
		assert.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
		ports[service.Ports[0].Published] = true
	}
	assert.Len(t, ports, 3)
}

// A world is what is in the manifests.
type world struct {
	services map[string]*core.Service
	sets     []*apps.StatefulSet
	budgets  []*policy.PodDisruptionBudget
	policies []*networking.NetworkPolicy
}

// readManifests decodes all manifests as strictly as the API server does for kubectl: a field
// that it does not know is an error.
func readManifests(t *testing.T) (w world) {
	w.services = make(map[string]*core.Service)
	files, err := filepath.Glob("kubernetes/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range documents(t, text) {
			require.NoError(t, w.add(document), file)
		}
	}
	return w
}

func documents(t *testing.T, text []byte) (all [][]byte) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, bytes.Clone(document))
	}
}

func (w *world) add(document []byte) error {
	var head struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	var into any
	switch head.APIVersion + " " + head.Kind {
	case "v1 Service":
		service := new(core.Service)
		into = service
		defer func() { w.services[service.Name] = service }()
	case "apps/v1 StatefulSet":
		w.sets = append(w.sets, new(apps.StatefulSet))
		into = w.sets[len(w.sets)-1]
	case "policy/v1 PodDisruptionBudget":
		w.budgets = append(w.budgets, new(policy.PodDisruptionBudget))
		into = w.budgets[len(w.budgets)-1]
	case "networking.k8s.io/v1 NetworkPolicy":
		w.policies = append(w.policies, new(networking.NetworkPolicy))
		into = w.policies[len(w.policies)-1]
	default:
		return errors.New("not one of ours: " + head.APIVersion + " " + head.Kind)
	}
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(unknown, err)...)
}

func TestManifestsAreStrict(t *testing.T) {
	var w world
	assert.ErrorContains(t, w.add([]byte("apiVersion: policy/v1\nkind: PodDisruptionBudget\nspec: {maxUnavailabel: 1}")), "maxUnavailabel")
	assert.Error(t, w.add([]byte("apiVersion: policy/v1\nkind: PodDisruptionBudget\nspec: {maxunavailable: 1}")), "case counts")
	assert.Error(t, w.add([]byte("apiVersion: policy/v2\nkind: PodDisruptionBudget")))
}

func TestManifestsFitTogether(t *testing.T) {
	w := readManifests(t)
	require.Len(t, w.sets, 1)
	set := w.sets[0]
	labels := set.Spec.Template.Labels
	assert.Equal(t, labels, set.Spec.Selector.MatchLabels)

	nodes := w.services[set.Spec.ServiceName]
	require.NotNil(t, nodes)
	assert.Equal(t, core.ClusterIPNone, nodes.Spec.ClusterIP)
	assert.True(t, nodes.Spec.PublishNotReadyAddresses, "else no node finds the first other one")
	container := set.Spec.Template.Spec.Containers[0]
	ports := make(map[string]int32)
	for _, port := range container.Ports {
		ports[port.Name] = port.ContainerPort
	}
	for _, service := range w.services {
		assert.Equal(t, labels, service.Spec.Selector)
		for _, port := range service.Spec.Ports {
			assert.Equal(t, ports[port.TargetPort.String()], port.Port, service.Name)
		}
	}
	require.Len(t, w.budgets, 1)
	assert.Equal(t, labels, w.budgets[0].Spec.Selector.MatchLabels)
	assert.Equal(t, intstr.FromInt32(1), *w.budgets[0].Spec.MaxUnavailable)
	require.Len(t, w.policies, 1)
	assert.Equal(t, labels, w.policies[0].Spec.PodSelector.MatchLabels)
	for _, rule := range w.policies[0].Spec.Ingress {
		for _, port := range rule.Ports {
			assert.Contains(t, ports, port.Port.String())
			assert.Equal(t, port.Port.String() == "routes", len(rule.From) > 0, "only the players' port is for everybody")
		}
	}
}

// What the server reads, and when the kubelet kills it.
func TestStatefulSetFitsTheServer(t *testing.T) {
	set := readManifests(t).sets[0]
	pod := set.Spec.Template.Spec
	container := pod.Containers[0]
	environment := make(map[string]string)
	for _, variable := range container.Env {
		environment[variable.Name] = variable.Value
		checkEnvironment(t, help(t), variable.Name)
	}
	routes := strings.Split(environment["WORLD_ROUTES"], ",")
	assert.Len(t, routes, int(*set.Spec.Replicas))
	for _, route := range routes {
		assert.Regexp(t, `^`+set.Name+`-\d+\.`+set.Spec.ServiceName+`:6222$`, route)
	}
	assert.Equal(t, "$(POD_NAME)."+set.Spec.ServiceName+":6222", environment["WORLD_ADVERTISE"])

	drain, err := time.ParseDuration(environment["WORLD_DRAIN"])
	require.NoError(t, err)
	sleep := time.Duration(container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	assert.Greater(t, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, sleep+drain+closing)

	mount := container.VolumeMounts[0]
	assert.Equal(t, pod.Volumes[0].Name, mount.Name)
	assert.Equal(t, mount.MountPath, environment["WORLD_TLS"])
	assert.Contains(t, secretFiles(t), filepath.Base(environment["WORLD_SECRET"]))
	assert.Equal(t, mount.MountPath, filepath.Dir(environment["WORLD_SECRET"]))
	assert.Equal(t, "/readyz", container.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "/healthz", container.LivenessProbe.HTTPGet.Path)
}
