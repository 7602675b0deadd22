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
        Standing.CONNECTED: ("Conectada", "Altegio lo ha confirmado."),
        Standing.FROZEN: (
            "En pausa",
            "Altegio ha pausado la aplicación en esta sucursal porque no está pagada.",
        ),
        Standing.IN_PROGRESS: (
            "En curso",
            (
                "Seguimos en ello y terminaremos sin que tenga que hacer nada. Pulse el botón para "
                "ver cómo va."
            ),
        ),
        Standing.FAILED: (
            "Todavía no",
            (
                "Altegio no ha confirmado la conexión. Lo intentaremos de nuevo por nuestra "
                "cuenta; usted también puede hacerlo."
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
            "Por otra vía",
            (
                "La aplicación está instalada en Altegio, pero no se conectó desde esta página. En "
                "Altegio, pulse «Desconectar» y después otra vez «Conectar», o escríbanos."
            ),
        ),
        Standing.NOT_ASKED: (
            "Sin comprobar",
            "Altegio aún no nos ha dicho nada de esta sucursal. Pulse el botón.",
        ),
    },
    telephony={
        TelephonyStanding.ON: (
            "La telefonía está activa: su equipo ve quién llama y las llamadas se guardan en "
            "Altegio."
        ),
        TelephonyStanding.STARTING: ("La telefonía se está activando; puede tardar unos minutos."),
        TelephonyStanding.LATE: (
            "La telefonía aún no está activa: Altegio no ha aceptado nuestra solicitud en varios "
            "intentos. Seguimos intentándolo y guardamos las llamadas unos días. Si se alarga, "
            "escríbanos."
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
            "Conectada sin telefonía, porque Altegio no indicó ningún token de CRM. Créelo en "
            "Altegio, en «Telefonía > Integración»; después pulse «Desconectar» y otra vez "
            "«Conectar»."
        ),
        TelephonyStanding.OTHER_TOKEN: (
            "Este enlace trae un token de CRM distinto del que se usa, y no se ha cambiado nada. "
            "Si ha creado uno nuevo en Altegio, pulse allí «Desconectar» y después otra vez "
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
            "No podemos leer este número. Revise el país que figura debajo, o deje el campo vacío."
        ),
        "country": "Elija el país de sus números, por favor.",
    },
    country=(
        (
            "Los números que su centralita envía sin prefijo de país se consideran números de "
            "este país."
        ),
        "Guardar el país",
        "Guardado: desde ahora, los números sin prefijo se consideran números de este país.",
    ),
    terms=("Al conectar, acepta nuestras", "condiciones del servicio"),
    contact="Escríbanos",
    help="Ayuda",
    key=(
        "Clave de su centralita.",
        (
            "Se muestra solo esta vez: quien configure su centralita la necesita para comunicar "
            "las llamadas."
        ),
    ),
    connected=Heading("Ya está conectado", "Puede volver a Altegio."),
    connected_before=Heading("Ya está conectado", "No queda nada por hacer."),
    frozen=Heading(
        "En pausa hasta que se pague",
        "En una sucursal en pausa, las llamadas no se muestran ni se guardan en Altegio. Páguela, "
        "por favor, o escríbanos si ya ha pagado; no hay que volver a conectar nada.",
    ),
    mute=Heading("Conectado, pero la telefonía no funciona", "Abajo se ve qué falta."),
    needs_altegio=Heading("Falta un paso en Altegio", "Abajo se indica qué pulsar allí."),
    welcome_back=Heading(
        "Hola de nuevo, {name}",
        "Ya tiene una cuenta con nosotros. Con un solo botón se conectan sus sucursales.",
    ),
    welcome=Heading("Conecte su telefonía", "Revise sus datos y pulse «Conectar»."),
    to_correct=Heading("Revise sus datos, por favor", "Todavía no se ha conectado nada."),
    partly=Heading("Aún no está todo conectado", "Abajo se ve qué sucursales están pendientes."),
    under_way=Heading("Lo estamos conectando", "Tarda un poco más de lo habitual."),
    not_yet=Heading("Aún no está conectado", "Abajo se ve qué falta."),
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
            "El enlace no dice quién es usted. Si está configurando esta aplicación: active la "
            "transmisión de los datos del usuario al conectar en el panel de desarrollador de "
            "Altegio."
        ),
        "salon_id is missing": "El enlace no dice qué sucursal hay que conectar.",
        "too many locations": (
            "El enlace incluye más de 300\u00a0sucursales. Elija menos en Altegio y conecte las "
            "demás después."
        ),
    },
    damaged="Falta algo en él o está dañado.",
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
            "Hemos enviado un código a su correo electrónico. Es válido durante media hora y "
            "para un solo uso."
        ),
        Proof.NOT_SENT: "Ahora mismo no hemos podido enviar el correo. Inténtelo más tarde.",
        Proof.WRONG: (
            "Este no es el código que enviamos, o ha caducado, o ya se ha usado. Tras cinco "
            "intentos, abra de nuevo esta página en Altegio."
        ),
        Proof.TOO_MANY: (
            "Ya tiene un correo con un código en su buzón: llegó en la última media hora, lo "
            "haya pedido quien lo haya pedido. Ese código sigue siendo válido; escríbalo aquí. "
            "Si no encuentra el correo, pida otro dentro de media hora."
        ),
    },
    link=(
        "Su correo electrónico ya figura en otra cuenta. Si esa cuenta es suya, podemos darle "
        "acceso con un código que enviamos a ese correo; sin él no se vincula nada."
    ),
    send_code="Enviarme un código",
    code="Código del correo",
    prove="Continuar",
    letter=(
        "Su código para {provider}",
        (
            "Su código es {code}\n\nEscríbalo en la página que ha abierto en Altegio. Es válido "
            "durante media hora y para un solo uso.\n\nSi no lo ha pedido usted, lo ha pedido "
            "otra persona. No ha pasado nada: sin este código nadie puede hacer nada, y solo lo "
            "tiene usted. No hace falta que haga nada. No le diga este código a "
            "nadie.\n\n{provider}"
        ),
    ),
    rotate=(
        (
            "Después de crear una clave nueva, la anterior sigue siendo válida 24\u00a0horas "
            "más: ponga la nueva en su centralita en ese plazo. Si alguien más puede conocer la "
            "anterior, anúlela de inmediato; entonces no se comunica ninguna llamada hasta que "
            "su centralita tenga la nueva."
        ),
        "Crear una clave nueva",
        "Crear una clave nueva y anular la anterior de inmediato",
    ),
    pbx_title="Su centralita",
    pbx={
        PbxNote.NO_KEY: "Aún no tiene clave y no puede comunicar llamadas. Cree una abajo.",
        PbxNote.UNUSED: (
            "Todavía no ha llegado nada de ella. Introduzca la clave en la centralita, llame a "
            "su número y vuelva a comprobarlo aquí."
        ),
        PbxNote.REFUSED: (
            "La hemos rechazado porque su clave no es la última que se creó. Introduzca en ella "
            "la clave correcta o cree una nueva abajo. Último rechazo:"
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
            "Si su centralita no indica de qué sucursal es una llamada, se sabe por la línea, o "
            "por la extensión si tampoco indica la línea. Con una sola sucursal no hace falta "
            "indicar nada."
        ),
    ),
    needs_lines=(
        "Abajo se indica qué tiene que comunicar su centralita.",
        (
            "Con más de una sucursal, su centralita tiene que indicar de cuál es cada llamada: "
            "por la línea o por la extensión. Si no indica ninguna de las dos, o la línea no "
            "figura en «Sus líneas», la llamada queda en espera y nadie ve quién llama."
        ),
    ),
    line="Línea: su número o su nombre; o una extensión",
    location_of_line="Sucursal",
    enter_line="Guardar la línea",
    forget_line="Quitar",
    dead_line="La sucursal {id} ya no es suya: indique otra para esta línea",
    unknown_line={
        "one": "¿De qué sucursal es? Hay una llamada en espera, del",
        "other": "¿De qué sucursal es? Hay {number} llamadas en espera; la última, del",
    },
    untold_line=(
        "Sin línea indicada",
        "Indique también el número de esa sucursal: Altegio no acepta llamadas sin número.",
    ),
    entered={
        Entered.DONE: "Guardado. Las llamadas que esperaban esta línea se envían ya a Altegio.",
        Entered.NO_LINE: "Indique la línea, por favor.",
        Entered.NOT_ITS_LOCATION: "Elija una de sus sucursales, por favor.",
        Entered.TOO_MANY: "No se pueden indicar más de 500\u00a0líneas. Quite las que no se usen.",
        Entered.GONE: "Su cuenta se estaba modificando en ese mismo momento. Pulse otra vez.",
    },
    calls=("Últimas llamadas", "Todavía no hay llamadas."),
    call={
        CallState.RINGING: "Sonando",
        CallState.UNROUTED: "Espera su línea",
        CallState.WAITING: "De camino a Altegio",
        CallState.HELD: "En espera",
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
        EntryState.HELD: "Espera a la sucursal",
        EntryState.UNKNOWN: "En comprobación",
        EntryState.SENT: "En Altegio",
        EntryState.REJECTED: "Rechazado, lo estamos revisando",
        EntryState.NEEDS_HUMAN: "Lo estamos revisando",
        EntryState.CLOSED: "Cerrado por nosotros",
        EntryState.REPORTED_BY_PLATFORM: "Pagado en Altegio",
    },
    refund=("Reembolso", "Espera a que llegue el pago"),
    settings=Heading("Su cuenta", "Este es el estado de sus sucursales."),
    too_many=Heading(
        "Vuelva más tarde, por favor",
        (
            "Ha habido demasiadas consultas sobre sucursales que no son suyas. Inténtelo dentro "
            "de una hora."
        ),
    ),
    busy=Heading(
        "Pulse otra vez, por favor",
        "Su cuenta se estaba modificando en ese mismo momento. Vuelva atrás y pulse el botón otra "
        "vez.",
    ),
    later=Heading(
        "Vuelva dentro de un minuto",
        "Ahora mismo no podemos comprobar este enlace. No se ha cambiado nada; abra la página otra "
        "vez dentro de un minuto.",
    ),
    failed=Heading(
        "Algo ha salido mal",
        "Ya lo sabemos y nos ocupamos de ello. Inténtelo de nuevo dentro de unos minutos.",
    ),
    portal=Heading(
        "Un paso más en nuestra web",
        (
            "Inicie sesión o regístrese allí. Le mostraremos qué se va a conectar y le pediremos "
            "su confirmación."
        ),
    ),
    portal_button="Continuar",
    first_minutes=FIRST_MINUTES,
    missed=MISSED_CALLERS,
)
