"""The connect page in Spanish, as it is understood on both sides of the Atlantic."""

from functions.connect.first_minutes.spanish import SPANISH as FIRST_MINUTES
from functions.connect.missed_callers.spanish import SPANISH as MISSED_CALLERS
from functions.connect.words import Heading, Words
from shared.calls.call import CallState
from shared.calls.line_entry import Entered
from shared.chains.switching import TelephonyStanding
from shared.connect.pbx_notes import PbxNote
from shared.connect.view import Proof, Standing
from shared.payments.entry import EntryState

SPANISH = Words(
    language="es",
    standings={
        Standing.READY: ("Lista", "El acceso está concedido."),
        Standing.CONNECTED: ("Conectada", "Altegio ha confirmado la conexión."),
        Standing.FROZEN: (
            "En pausa",
            "Altegio ha pausado la aplicación en esta sucursal porque no está pagada.",
        ),
        Standing.IN_PROGRESS: (
            "En curso",
            (
                "Seguimos trabajando en ello; no tiene que hacer nada. Pulse el botón para ver "
                "cómo va."
            ),
        ),
        Standing.FAILED: (
            "Todavía no",
            (
                "Altegio no ha confirmado la conexión. Volveremos a intentarlo automáticamente; "
                "usted también puede hacerlo."
            ),
        ),
        Standing.EXPIRED: (
            "Caducada",
            (
                "Ha pasado demasiado tiempo desde que se concedió el acceso. En Altegio, abra la "
                "página de la aplicación, pulse «Desconectar» y después otra vez «Conectar»."
            ),
        ),
        Standing.NOT_GRANTED: (
            "Sin acceso",
            (
                "El acceso no está concedido. En Altegio, abra la página de la aplicación y pulse "
                "«Conectar»."
            ),
        ),
        Standing.TAKEN: (
            "Otra cuenta",
            (
                "Esta sucursal está conectada a otra cuenta de nuestro servicio. Desconéctela en "
                "Altegio y vuelva a conectarla, o escríbanos."
            ),
        ),
        Standing.INSTALLED: (
            "No conectada aquí",
            (
                "La aplicación está instalada en Altegio, pero no se conectó desde esta página. En "
                "Altegio, pulse «Desconectar» y después otra vez «Conectar», o escríbanos."
            ),
        ),
        Standing.NOT_ASKED: (
            "Sin comprobar",
            "Altegio aún no nos ha informado sobre esta sucursal. Pulse el botón.",
        ),
    },
    telephony={
        TelephonyStanding.ON: (
            "La telefonía está activa: su equipo ve quién llama y las llamadas se guardan en "
            "Altegio."
        ),
        TelephonyStanding.STARTING: "La telefonía se está activando; puede tardar unos minutos.",
        TelephonyStanding.LATE: (
            "La telefonía aún no está activa: Altegio no ha aceptado nuestra solicitud en "
            "varios intentos. Seguimos intentándolo y guardamos las llamadas unos días. Si "
            "el problema continúa, escríbanos."
        ),
        TelephonyStanding.STOPPED: (
            "La telefonía está detenida: una llamada guardada no apareció en la lista de "
            "llamadas de esta sucursal. Revise el enrutamiento en el apartado «Telefonía» de "
            "Altegio y escríbanos; o pulse allí «Desconectar» y después otra vez «Conectar»."
        ),
        TelephonyStanding.PAUSED: (
            "La telefonía está en pausa: su equipo no ve quién llama. Guardamos las llamadas "
            "unos días y las pasamos a Altegio en cuanto le llegue el pago; después todo vuelve "
            "a funcionar solo."
        ),
        TelephonyStanding.NONE: (
            "Conectada sin telefonía, porque Altegio no nos ha enviado ningún token de CRM. "
            "Cree uno en Altegio, en «Telefonía\u00a0> Integración»; después pulse «Desconectar» "
            "y otra vez «Conectar»."
        ),
        TelephonyStanding.OTHER_TOKEN: (
            "El token de CRM de este enlace no es el que se usa; no se ha cambiado nada. Si "
            "ha creado uno nuevo en Altegio, pulse allí «Desconectar» y después otra vez "
            "«Conectar»."
        ),
        TelephonyStanding.NEW_TOKEN: (
            "La telefonía está activa, con un token de CRM distinto del que tenía esta cadena. Si "
            "no ha creado uno nuevo en Altegio, pulse allí «Desconectar» y escríbanos."
        ),
    },
    covered="El periodo de prueba o pagado termina el",
    location="Sucursal {id}",
    connect="Conectar",
    try_again="Intentarlo de nuevo",
    labels={
        "name": "Su nombre",
        "email": "Correo electrónico",
        "phone": "Teléfono (opcional)",
        "country": "País de sus números",
    },
    errors={
        "name": "Indique su nombre, por favor.",
        "email": "Indique su correo electrónico, por favor.",
        "phone": (
            "No reconocemos este número. Revise el país que figura debajo o deje el campo vacío."
        ),
        "country": "Elija el país de sus números, por favor.",
    },
    country=(
        (
            "Los números que su centralita envía sin prefijo de país se tratan como números "
            "de este país."
        ),
        "Guardar el país",
        (
            "Guardado: desde ahora, los números sin prefijo de país se tratan como números "
            "de este país."
        ),
    ),
    terms=("Al conectar, acepta nuestras", "condiciones del servicio"),
    contact="Escríbanos",
    help="Ayuda",
    key=(
        "La clave de su centralita (PBX).",
        (
            "Se muestra solo esta vez. Quien configure su centralita la necesita para que "
            "esta nos comunique las llamadas."
        ),
    ),
    connected=Heading("Todo está conectado", "Puede volver a Altegio."),
    connected_before=Heading("Todo está conectado", "No tiene que hacer nada más."),
    frozen=Heading(
        "En pausa hasta que pague",
        (
            "Mientras una sucursal está en pausa, las llamadas no se muestran ni se guardan "
            "en Altegio. Realice el pago o escríbanos si ya ha pagado; no tendrá que volver "
            "a conectar nada."
        ),
    ),
    mute=Heading("Conectado, pero la telefonía no funciona", "Abajo se explica por qué."),
    needs_altegio=Heading("Falta un paso en Altegio", "Abajo se indica qué pulsar allí."),
    welcome_back=Heading(
        "Hola de nuevo, {name}",
        (
            "Ya tiene una cuenta con nosotros. Para conectar sus sucursales, basta con "
            "pulsar un botón."
        ),
    ),
    welcome=Heading("Conecte su telefonía", "Revise sus datos y pulse «Conectar»."),
    to_correct=Heading("Revise sus datos, por favor", "Todavía no se ha conectado nada."),
    partly=Heading("Aún falta algo por conectar", "Abajo verá qué sucursales faltan."),
    under_way=Heading("Lo estamos conectando", "Tarda un poco más de lo habitual."),
    not_yet=Heading("Aún sin conectar", "Abajo se explica por qué."),
    forged=Heading(
        "Este enlace no es de Altegio",
        "Su firma no es válida, así que no hemos guardado nada. Abra la aplicación en Altegio y "
        "pulse «Conectar».",
    ),
    too_old=Heading(
        "Esta página ha caducado", "No se ha cambiado nada. Abra otra vez la aplicación en Altegio."
    ),
    incomplete="Este enlace está incompleto",
    reasons={
        "user_data is missing": (
            "El enlace no indica quién es usted. Si está configurando esta aplicación, "
            "active la transmisión de los datos del usuario al conectar en el panel de "
            "desarrollador de Altegio."
        ),
        "salon_id is missing": "El enlace no indica qué sucursal hay que conectar.",
        "too many locations": (
            "El enlace incluye más de 300\u00a0sucursales. Elija menos en Altegio y conecte las "
            "demás después."
        ),
    },
    damaged="Le falta algo o está dañado.",
    open_again="Abra la aplicación en Altegio y pulse «Conectar».",
    working="Un momento, por favor…",
    others="Sus otras sucursales",
    more={"one": "Y una más.", "other": "Y {number} más."},
    proof={
        Proof.OFFERED: (
            "Para ver sus líneas, las últimas llamadas y los pagos, o crear una clave nueva para "
            "su centralita, necesita un código: se lo enviamos a su correo electrónico."
        ),
        Proof.SENT: (
            "Hemos enviado un código a su correo electrónico. Vale durante media hora y para "
            "un solo uso."
        ),
        Proof.NOT_SENT: "No hemos podido enviar el correo. Inténtelo más tarde.",
        Proof.WRONG: (
            "Este no es el código que enviamos, o ha caducado, o ya se ha usado. Después de "
            "cinco intentos, abra de nuevo esta página en Altegio."
        ),
        Proof.TOO_MANY: (
            "Ya tiene un correo con un código: se lo enviamos en la última media hora, lo "
            "haya pedido quien lo haya pedido. Ese código es válido; escríbalo aquí. Si no "
            "encuentra el correo, pida otro dentro de media hora."
        ),
    },
    link=(
        "Su correo electrónico ya figura en otra cuenta. Si esa cuenta es suya, podemos darle "
        "acceso con un código que enviamos a ese correo; sin él no se vincula nada."
    ),
    send_code="Recibir un código",
    code="Código del correo",
    prove="Continuar",
    letter=(
        "Su código para {provider}",
        (
            "Su código es {code}\n\nEscríbalo en la página que ha abierto en Altegio. Vale "
            "durante media hora y para un solo uso.\n\nSi no lo ha pedido usted, lo ha pedido "
            "otra persona. No ha pasado nada: sin este código nadie puede hacer nada, y solo "
            "lo tiene usted. No hace falta que haga nada. No comparta este código con "
            "nadie.\n\n{provider}"
        ),
    ),
    rotate=(
        (
            "Después de crear una clave nueva, la anterior sigue funcionando 24\u00a0horas: "
            "introduzca la nueva en su centralita en ese plazo. Si es posible que otra "
            "persona conozca la anterior, anúlela de inmediato; entonces no se comunicará "
            "ninguna llamada hasta que su centralita tenga la nueva."
        ),
        "Crear una clave nueva",
        "Crear una clave nueva y anular la anterior de inmediato",
    ),
    pbx_title="Su centralita (PBX)",
    pbx={
        PbxNote.NO_KEY: "Aún no tiene clave y no puede comunicar llamadas. Cree una abajo.",
        PbxNote.UNUSED: (
            "Todavía no ha llegado nada de ella. Introduzca la clave en la centralita, llame "
            "a su propio número y vuelva a comprobarlo aquí."
        ),
        PbxNote.REFUSED: (
            "La hemos rechazado porque no tiene la clave más reciente. Introduzca en ella la "
            "clave correcta o cree una nueva abajo. Último rechazo:"
        ),
        PbxNote.REPLACED: "Todavía tiene la clave anterior. Introduzca la nueva antes del",
        PbxNote.LATE: (
            "Comunicó una llamada tan tarde que nadie vio quién llamaba. Revise su reloj y su "
            "conexión. Última vez:"
        ),
    },
    pbx_works="Comunica las llamadas con la clave correcta.",
    look="Volver a comprobar",
    lines=(
        "Sus líneas",
        (
            "Si su centralita no indica de qué sucursal es una llamada, nos guiamos por la "
            "línea o, si tampoco indica la línea, por la extensión. Si solo tiene una "
            "sucursal, no hace falta indicar nada."
        ),
    ),
    needs_lines=(
        "Abajo se indica qué tiene que comunicar su centralita.",
        (
            "Con más de una sucursal, su centralita tiene que indicar de cuál es cada "
            "llamada: por la línea o por la extensión. Si no indica ninguna de las dos, o la "
            "línea no figura en «Sus líneas», la llamada queda pendiente y nadie ve quién "
            "llama."
        ),
    ),
    line="Línea (su número o nombre) o extensión",
    location_of_line="Sucursal",
    enter_line="Guardar la línea",
    forget_line="Quitar",
    dead_line="La sucursal {id} ya no es suya: indique otra para esta línea",
    unknown_line={
        "one": "¿De qué sucursal es? Hay una llamada pendiente, del",
        "other": "¿De qué sucursal es? Hay {number} llamadas pendientes; la última, del",
    },
    untold_line=(
        "Sin línea indicada",
        (
            "Añada también como línea el número de teléfono de esa sucursal: Altegio no "
            "acepta llamadas sin un número."
        ),
    ),
    entered={
        Entered.DONE: (
            "Guardado. Las llamadas que esperaban esta línea se están enviando a Altegio."
        ),
        Entered.NO_LINE: "Indique la línea, por favor.",
        Entered.NOT_ITS_LOCATION: "Elija una de sus sucursales, por favor.",
        Entered.TOO_MANY: "No se pueden indicar más de 500\u00a0líneas. Quite las que no se usen.",
        Entered.GONE: (
            "Su cuenta se estaba modificando en ese mismo momento. Pulse el botón otra vez."
        ),
    },
    calls=("Últimas llamadas", "Todavía no hay llamadas."),
    call={
        CallState.RINGING: "Sonando",
        CallState.UNROUTED: "Falta indicar la línea",
        CallState.WAITING: "De camino a Altegio",
        CallState.HELD: "Aún sin enviar",
        CallState.SENDING: "De camino a Altegio",
        CallState.UNKNOWN: "En comprobación",
        CallState.SENT: "Enviada a Altegio",
        CallState.CONFIRMED: "En Altegio",
        CallState.UNCONFIRMED: "Enviada, no aparece allí",
        CallState.REFUSED: "Altegio no la ha aceptado",
        CallState.EXPIRED: "No enviada a Altegio",
    },
    directions={"incoming": "Entrante", "outgoing": "Saliente", "internal": "Interna"},
    hidden="número oculto",
    recording="Grabación (llegó tarde, no está en Altegio)",
    payments=("Últimos pagos", "Todavía no hay pagos."),
    payment={
        EntryState.PENDING: "De camino a Altegio",
        EntryState.SENDING: "De camino a Altegio",
        EntryState.HELD: "A la espera de que se conecte la sucursal",
        EntryState.UNKNOWN: "En comprobación",
        EntryState.SENT: "En Altegio",
        EntryState.REJECTED: "Rechazado, lo estamos revisando",
        EntryState.NEEDS_HUMAN: "Lo estamos revisando",
        EntryState.CLOSED: "Lo hemos cerrado nosotros",
        EntryState.REPORTED_BY_PLATFORM: "Pagado en Altegio",
    },
    refund=("Reembolso", "Espera a que llegue el pago"),
    settings=Heading("Ajustes", "El estado de sus sucursales."),
    too_many=Heading(
        "Vuelva más tarde, por favor",
        (
            "Ha habido demasiadas consultas sobre sucursales que no son suyas. Inténtelo dentro "
            "de una hora."
        ),
    ),
    needs_code=Heading(
        "Confirme que es usted, por favor",
        (
            "Con este enlace ha habido demasiadas consultas sobre sucursales que no son suyas. "
            "Con un código de nuestro correo puede seguir enseguida; sin él, inténtelo dentro de "
            "una hora."
        ),
    ),
    later=Heading(
        "Vuelva dentro de un minuto",
        "Ahora mismo no podemos comprobar este enlace. No se ha cambiado nada; abra la página otra "
        "vez dentro de un minuto.",
    ),
    failed=Heading(
        "Algo salió mal",
        "Ya lo sabemos y nos ocupamos de ello. Inténtelo de nuevo dentro de unos minutos.",
    ),
    portal=Heading(
        "Un paso más en nuestro sitio web",
        (
            "Inicie sesión o regístrese allí. Le mostraremos qué se va a conectar y le pediremos "
            "su confirmación."
        ),
    ),
    portal_button="Continuar",
    first_minutes=FIRST_MINUTES,
    missed=MISSED_CALLERS,
)
